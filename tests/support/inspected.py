"""Opened models for tests of what the page Inspect shows: headers read from memory, nothing to close."""

from __future__ import annotations

from pathlib import Path

from desktop.core.gguf import BytesSource, Header, read_header
from desktop.core.gguf.kind import model_kind
from desktop.services.inspect.inspection import Inspected, InspectedFile


def opened(path: Path) -> Inspected:
    """A local model file."""
    return inspected(read_header(BytesSource(path.read_bytes()), partial=True), path)


def inspected(header: Header, path: Path | None = None) -> Inspected:
    """A header as an opened model; without a path it is one on the Hub."""
    name = path.name if path is not None else "remote.gguf"
    file = InspectedFile(name, path, header)
    size = header.file_bytes
    return Inspected(str(path or name), name, "gguf", (file,), header.problems, 0.01, size, use=model_kind(header))
