"""Which files of this computer belong to a model that was split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from desktop.core import naming


def shards_of(path: Path) -> Sequence[Path]:
    """The file and those it is split with, in order; the file alone where its name tells of no others.

    OSError when the folder of such a name cannot be listed.
    """
    shard = naming.shard(path.name)
    if shard is None or shard.concatenated:
        return [path]
    beside = [
        file
        for file in path.parent.iterdir()
        if (found := naming.shard(file.name)) and (found.stem, found.count) == (shard.stem, shard.count)
    ]
    return next((paths for paths, _ in naming.join_shards(beside) if path in paths), [path])
