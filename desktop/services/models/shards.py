"""Which files of this computer belong to a model that was split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from desktop.core import naming
from desktop.core.model_fault import Fault
from desktop.store.gguf_files import facts_of, files_fault


def shards_of(path: Path) -> Sequence[Path]:
    """The file and those it is split with, in order; the file alone where it is no part of a split model.

    OSError when the folder of such a name cannot be listed.
    """
    shard = naming.shard(path.name)
    if shard is None or shard.concatenated:
        return [path]
    files, _ = _named_alike(path, shard)
    return files if len(files) > 1 and _is_part(path) else [path]


def fault_at(path: Path) -> Fault | None:
    """Why the engine cannot load a file with those that belong to it; None where nothing is known. OSError passes."""
    shard = naming.shard(path.name)
    if shard is None:
        return files_fault([path])
    files, missing = _named_alike(path, shard)
    if not shard.concatenated and not _is_part(path):
        return files_fault([path])
    return files_fault(files, missing)


def _named_alike(path: Path, shard: naming.Shard) -> tuple[Sequence[Path], int]:
    """The files of a set by their names, in order, and how many more these speak of."""
    beside = [
        file
        for file in path.parent.iterdir()
        if (found := naming.shard(file.name)) and (found.stem, found.count) == (shard.stem, shard.count)
    ]
    return next(((files, lost) for files, lost in naming.join_shards(beside) if path in files), ([path], 0))


def _is_part(path: Path) -> bool:
    """Whether a file's header says so, or says nothing: a name alone makes no part of a model."""
    facts = facts_of(path)
    return facts.shards > 1 or not facts.tensors
