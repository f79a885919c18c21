"""The findings that take reading whole files: their SHA-256, and NaN or infinities among the weights."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from desktop.core.cancelled import Cancelled, raise_if_cancelled
from desktop.core.findings import Finding
from desktop.core.gguf.checks import DOWNLOAD_AGAIN, OTHER_FILE
from desktop.core.progress import Progress, Report
from desktop.core.quants import TENSOR_TYPES
from desktop.core.words import tr
from desktop.engine.helper_process import Tool
from desktop.engine.tools.weight_scan import Bad, Scanned, ScanWeights, Stored
from desktop.services.inspect.inspected import Inspected, InspectedFile

_Heard = Callable[[float, str], None]  # bytes of a file that were read, and at what the work is
_CHUNK = 1 << 20
_PORTION = 1 << 28  # bytes of weights that are looked through at a time: what is read anew after a pause, at most


@dataclass
class _FileReading:
    """What was read of one file, while it stays the same file."""

    stamp: tuple[int, ...]
    digest: Any = field(default_factory=hashlib.sha256)
    hashed: int = 0  # bytes
    portions: list[Scanned] = field(default_factory=list)


class Reading:
    """How far a check has come: a later run of it goes on from there. For one thread at a time."""

    def __init__(self) -> None:
        self._files: dict[Path, _FileReading] = {}

    def of(self, path: Path) -> _FileReading:
        """What was read of a file; nothing where it has changed since. OSError."""
        stat = path.stat()
        stamp = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)
        found = self._files.get(path)
        if found is None or found.stamp != stamp:
            found = self._files[path] = _FileReading(stamp)
        return found


def check_files(
    inspected: Inspected, base: Inspected | None, reading: Reading, progress: Report, cancelled: Cancelled
) -> list[Finding]:
    """Findings about the content of every local file of a model. CancelledError; OSError.

    A file's SHA-256 is that of the place it lies in, or of the file of its name in ``base``. Progress is in bytes read;
    a file that is hashed is read twice.
    """
    published = {file.name: file.sha256 for file in base.files} if base is not None else {}
    files = [
        replace(file, sha256=file.sha256 or published.get(file.name, ""))
        for file in inspected.files
        if file.path is not None
    ]
    sizes = [_bytes_to_read(file) for file in files]
    tool = Tool[Scanned]("desktop.engine.tools.weight_scan", Scanned)
    found: list[Finding] = []
    try:
        for index, file in enumerate(files):
            before, total = sum(sizes[:index]), sum(sizes)

            def heard(done: float, note: str, before: int = before, total: int = total) -> None:
                progress(Progress(min(before + done, total), total, "bytes", note))

            found += _check_file(tool, file, file.name if len(files) > 1 else "", reading, heard, cancelled)
    finally:
        tool.close()
    return found


def _check_file(
    tool: Tool[Scanned], file: InspectedFile, where: str, reading: Reading, heard: _Heard, cancelled: Cancelled
) -> Iterator[Finding]:
    assert file.path is not None
    known = reading.of(file.path)
    if file.sha256:
        yield from _digest(file, known, heard, cancelled)
    done = float(known.hashed)
    portions = list(_portions(file))
    for index, (request, size) in enumerate(portions):
        if index >= len(known.portions):

            def step(part: Progress, done: float = done) -> None:
                heard(done + part.done, part.note)

            known.portions.append(tool.call(request, progress=step, cancelled=cancelled))
            raise_if_cancelled(cancelled)
        done += size
    yield from _bad_weights([bad for portion in known.portions for bad in portion.bad], where)


def _bytes_to_read(file: InspectedFile) -> int:
    weights = sum(size for _, size in _portions(file))
    return weights + (file.path.stat().st_size if file.sha256 and file.path is not None else 0)


def _digest(file: InspectedFile, known: _FileReading, heard: _Heard, cancelled: Cancelled) -> Iterator[Finding]:
    assert file.path is not None
    with file.path.open("rb", buffering=0) as stream:
        stream.seek(known.hashed)
        while chunk := stream.read(_CHUNK):
            raise_if_cancelled(cancelled)
            known.digest.update(chunk)
            known.hashed += len(chunk)
            heard(known.hashed, "checksum")
    found = known.digest.hexdigest()
    if found != file.sha256:
        yield Finding(
            "error",
            tr("{name} is not the file that was published: its SHA-256 differs.", name=file.name),
            tr(
                "It has {found}, and {sha256} was expected. It was changed or damaged since it was uploaded.",
                found=found,
                sha256=file.sha256,
            ),
            DOWNLOAD_AGAIN,
        )


def _portions(file: InspectedFile) -> Iterator[tuple[ScanWeights, int]]:
    """The weights of a file in portions to look through, each with its bytes; one at least."""
    header = file.header
    portion: list[Stored] = []
    size, any_yet = 0, False
    for tensor in header.tensors:
        position = header.position(tensor)
        if tensor.size_bytes is None or position + tensor.size_bytes > header.file_bytes:
            continue
        if portion and size + tensor.size_bytes > _PORTION:
            yield ScanWeights(str(file.path), tuple(portion), header.endianness == "big"), size
            portion, size, any_yet = [], 0, True
        portion.append(Stored(tensor.name, file.base + position, tensor.type_id, tensor.elements))
        size += tensor.size_bytes if tensor.type_id in TENSOR_TYPES else 0
    if portion or not any_yet:
        yield ScanWeights(str(file.path), tuple(portion), header.endianness == "big"), size


def _bad_weights(found: list[Bad], where: str) -> Iterator[Finding]:
    if found:
        first = found[0]
        count = len(found)
        tensors = "One tensor holds" if count == 1 else f"{count:,} tensors hold"
        yield Finding(
            "error",
            tr(
                "{where}{value}{tensors} weights that are no numbers (NaN or infinite): '{name}', {count:,} times.",
                where=where,
                value=": " if where else "",
                tensors=tensors,
                name=first.name[:80],
                count=first.count,
            ),
            tr("One such weight spoils every token: the answers become empty or senseless."),
            OTHER_FILE,
            first.offset,
            f"tensor:{first.name}",
        )
