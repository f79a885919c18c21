"""The findings that take reading whole files: their SHA-256, and NaN or infinities among the weights."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from desktop.core.cancelled import Cancelled, raise_if_cancelled
from desktop.core.findings import Finding
from desktop.core.gguf.checks import DOWNLOAD_AGAIN, OTHER_FILE
from desktop.core.progress import Progress, Report, share
from desktop.engine.helper_process import Tool
from desktop.engine.tools.weight_scan import Scanned, ScanWeights, Stored
from desktop.services.inspect.inspected import Inspected, InspectedFile

_CHUNK = 1 << 20
_HASHING = 0.4  # of the time a file takes, when it is hashed at all


def check_files(
    inspected: Inspected, base: Inspected | None, progress: Report, cancelled: Cancelled
) -> Iterable[Finding]:
    """Findings about the content of every local file of a model. CancelledError; OSError.

    A file's SHA-256 is that of the place it lies in, or of the file of its name in ``base``.
    """
    published = {file.name: file.sha256 for file in base.files} if base is not None else {}
    local = [file for file in inspected.files if file.path is not None]
    tool = Tool[Scanned]("desktop.engine.tools.weight_scan", Scanned)
    try:
        for index, file in enumerate(local):
            where = file.name if len(local) > 1 else ""
            digest = file.sha256 or published.get(file.name, "")
            part = share(progress, index / len(local), 1 / len(local))
            yield from _check_file(tool, replace(file, sha256=digest), where, part, cancelled)
    finally:
        tool.close()


def _check_file(
    tool: Tool[Scanned], file: InspectedFile, where: str, progress: Report, cancelled: Cancelled
) -> Iterable[Finding]:
    hashing = _HASHING if file.sha256 else 0.0
    if file.sha256:
        yield from _digest(file, share(progress, 0.0, hashing), cancelled)
    scanned = tool.call(_request(file), progress=share(progress, hashing, 1 - hashing), cancelled=cancelled)
    yield from _bad_weights(scanned, where)


def sha256_of(path: Path, progress: Report, cancelled: Cancelled) -> str:
    """The SHA-256 of a file, in hexadecimal. CancelledError; OSError."""
    digest = hashlib.sha256()
    size = path.stat().st_size or 1
    done = 0
    with path.open("rb", buffering=0) as stream:
        while chunk := stream.read(_CHUNK):
            raise_if_cancelled(cancelled)
            digest.update(chunk)
            done += len(chunk)
            progress(Progress(done, size, "bytes", "checksum"))
    return digest.hexdigest()


def _digest(file: InspectedFile, progress: Report, cancelled: Cancelled) -> Iterable[Finding]:
    assert file.path is not None
    found = sha256_of(file.path, progress, cancelled)
    if found != file.sha256:
        yield Finding(
            "error",
            f"{file.name} is not the file that was published: its SHA-256 differs.",
            f"It has {found}, and {file.sha256} was expected. It was changed or damaged since it was uploaded.",
            DOWNLOAD_AGAIN,
        )


def _request(file: InspectedFile) -> ScanWeights:
    header = file.header
    tensors = tuple(
        Stored(tensor.name, file.base + header.position(tensor), tensor.type_id, tensor.elements)
        for tensor in header.tensors
        if tensor.size_bytes is not None and header.position(tensor) + tensor.size_bytes <= header.file_bytes
    )
    return ScanWeights(str(file.path), tensors, header.endianness == "big")


def _bad_weights(scanned: Scanned, where: str) -> Iterable[Finding]:
    if scanned.bad:
        first = scanned.bad[0]
        count = len(scanned.bad)
        tensors = "One tensor holds" if count == 1 else f"{count:,} tensors hold"
        yield Finding(
            "error",
            f"{where}{': ' if where else ''}{tensors} weights that are no numbers (NaN or infinite): "
            f"'{first.name[:80]}', {first.count:,} times.",
            "One such weight spoils every token: the answers become empty or senseless.",
            OTHER_FILE,
            first.offset,
            f"tensor:{first.name}",
        )
