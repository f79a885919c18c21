"""Opens model files of this computer: shards together, llamafiles at their GGUF, other formats by what they are."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from desktop.core import naming
from desktop.core.cancelled import Cancelled, raise_if_cancelled
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.formats import FolderFile, Summary, recognise, recognise_folder
from desktop.core.gguf import SubSource, read_header
from desktop.core.words import tr
from desktop.services.inspect.inspected import Inspected, InspectedFile
from desktop.services.inspect.model_list import list_models
from desktop.services.models.shards import fault_at, shards_of
from desktop.store.format_catalog import format_catalog
from desktop.store.found_file import look_at
from desktop.store.gguf_files import FileSource

GGUF_MAGIC = b"GGUF"
_MAX_FOLDER = 20_000  # files of a folder that are looked at
_OLLAMA_BLOB = re.compile(r"sha256-([0-9a-f]{64})")


def open_local(path: Path, source: str, resources: ExitStack, cancelled: Cancelled, name: str = "") -> Inspected:
    """Open a file with the shards beside it; ``name`` is what its store calls it, where its file has no name.

    OSError when one cannot be read; FileFormatError, HeftError.
    """
    if not path.is_file():
        raise HeftError(
            tr("{path} is no file, but a device or a pipe.", path=path),
            tr("Name a file."),
            kind=FailureKind.NOT_READABLE,
        )
    files: list[InspectedFile] = []
    size, pieces = 0, fault_at(path) if is_piece(path.name) else None
    for part in shards_of(path):
        raise_if_cancelled(cancelled)
        opened = resources.enter_context(FileSource(part))
        size += opened.size
        if bytes(opened.window(0, 4)[:4]) == GGUF_MAGIC:
            header = read_header(opened, partial=True)
            if pieces:  # what it lacks is in the others
                header = header.with_problems(())
            files.append(InspectedFile(part.name, part, header, sha256=_known_digest(part)))
        elif part == path:
            return replace(_other(path, source, opened), fault=pieces)
    split = naming.shard(path.name) is not None and len(files) > 1
    return Inspected(
        source=source,
        title=name or (naming.stem(path.name) if split else path.name),
        kind="gguf",
        files=tuple(files),
        findings=(),
        seconds=0.0,
        size_bytes=size,
        fault=pieces,
    )


def open_folder(folder: Path, source: str, resources: ExitStack, cancelled: Cancelled) -> Inspected:
    """Open the one GGUF model of a folder, or say what the folder holds and which models."""
    listed = _files(folder, cancelled)
    models = [folder / file.name for file in listed if naming.is_model_file(file.name)]
    joined = naming.join_shards(path for path in models if naming.role(path.name) != "mmproj")
    if len(joined) == 1:
        return open_local(joined[0][0][0], source, resources, cancelled)
    summary = recognise_folder(listed, lambda name: (folder / name).read_bytes(), format_catalog())
    found = other(source, folder.resolve().name or str(folder), sum(file.size for file in listed), summary)
    return replace(found, models=list_models(listed, lambda name: str(folder / name)))


def other(source: str, title: str, size: int, summary: Summary) -> Inspected:
    """Something that is no GGUF model."""
    return Inspected(
        source=source,
        title=title,
        kind=summary.id,
        files=(),
        findings=summary.findings,
        seconds=0.0,
        size_bytes=size,
        summary=summary,
    )


def is_piece(name: str) -> bool:
    """Whether a file name is that of a plain piece of a file, which has to be joined with the others."""
    shard = naming.shard(name)
    return shard is not None and shard.concatenated


def _other(path: Path, source: str, opened: FileSource) -> Inspected:
    summary = recognise(opened, path.name, format_catalog())
    assert summary is not None  # None means GGUF, which was asked before
    found = other(source, path.name, opened.size, summary)
    if summary.gguf_offset is None:
        return found
    inner = read_header(SubSource(opened, summary.gguf_offset, summary.gguf_bytes), partial=True)
    return replace(found, files=(InspectedFile(path.name, path, inner, base=summary.gguf_offset),))


def _files(folder: Path, cancelled: Cancelled) -> list[FolderFile]:
    """The files below a folder that can be looked at, by name; links to folders are not followed."""
    found: list[FolderFile] = []
    for number, (place, _, names) in enumerate(os.walk(folder)):  # folders that cannot be read are passed over
        raise_if_cancelled(cancelled)
        for name in names:
            path = Path(place, name)
            with contextlib.suppress(OSError):
                status = path.stat()
                if stat.S_ISREG(status.st_mode):
                    found.append(FolderFile(path.relative_to(folder).as_posix(), status.st_size))
        if len(found) >= _MAX_FOLDER or number >= _MAX_FOLDER:
            break
    return sorted(found[:_MAX_FOLDER], key=lambda file: file.name)


def _known_digest(path: Path) -> str:
    """The SHA-256 a store named this file by: Ollama's blobs, and the Hugging Face cache's links to blobs."""
    match = _OLLAMA_BLOB.fullmatch(path.name)
    if match:
        return match[1]
    found = look_at(path, "huggingface")
    return found.digest if found else ""
