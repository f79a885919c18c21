"""Importance matrices from a file, in both forms llama.cpp has: GGUF, and the one before it.

Source: llama.cpp ``common/imatrix-loader.cpp`` and ``tools/quantize/quantize.cpp`` (load_imatrix).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from desktop.core.errors import FileFormatError
from desktop.core.gguf import BytesSource, Header, read_header

_SUMS, _COUNTS = ".in_sum2", ".counts"
_MOST_BYTES = 4 << 30
_ANOTHER = "Choose an importance matrix that llama-imatrix made of this model."


@dataclass(frozen=True)
class Imatrix:
    """For each tensor the importance of its columns (of every expert, one after the other)."""

    entries: dict[str, NDArray[np.float32]]
    dataset: str = ""
    chunks: int = 0


def read_imatrix(path: Path) -> Imatrix:
    """Raises FileFormatError for what is no importance matrix, OSError."""
    if path.stat().st_size > _MOST_BYTES:
        raise FileFormatError(f"{path.name} is too large for an importance matrix.", _ANOTHER)
    data = path.read_bytes()
    try:
        found = _gguf(data) if data[:4] == b"GGUF" else _legacy(data)
    except (struct.error, ValueError) as error:
        raise FileFormatError(f"{path.name} is no importance matrix.", _ANOTHER, detail=str(error)) from None
    if not found.entries:
        raise FileFormatError(f"{path.name} holds no importance matrix.", _ANOTHER)
    if not all(np.isfinite(values).all() for values in found.entries.values()):
        raise FileFormatError(f"{path.name} holds values that are no numbers.", _ANOTHER)
    return found


def _gguf(data: bytes) -> Imatrix:
    header = read_header(BytesSource(data))
    arrays = dict(_tensors(header, data))
    datasets = header.array("imatrix.datasets")
    if datasets is None or "imatrix.chunk_count" not in header.metadata:
        raise ValueError("a GGUF file without the metadata of an importance matrix")
    entries = {}
    for name, sums in arrays.items():
        if not name.endswith(_SUMS):
            continue
        bare = name.removesuffix(_SUMS)
        counts = np.rint(arrays[bare + _COUNTS].reshape(-1, 1)) if bare + _COUNTS in arrays else None
        if counts is None or not len(counts) or sums.size % len(counts):
            raise ValueError(f"sums and counts of {bare} do not belong together")
        rows = sums.reshape(len(counts), -1)
        mean = np.ones_like(rows)
        np.divide(rows, counts, out=mean, where=counts > 0)
        entries[bare] = np.ascontiguousarray(mean.reshape(-1))
    names = datasets.strings() if len(datasets) else []
    return Imatrix(entries, names[0] if names else "", header.integer("imatrix.chunk_count") or 0)


def _tensors(header: Header, data: bytes) -> Iterator[tuple[str, NDArray[np.float32]]]:
    for tensor in header.tensors:
        if tensor.type != "F32":
            raise ValueError(f"{tensor.name} is of type {tensor.type}")
        start, size = header.position(tensor), tensor.size_bytes or 0
        if start + size > len(data):
            raise ValueError(f"the file ends inside {tensor.name}")
        yield tensor.name, np.frombuffer(data, np.float32, tensor.elements, start)


def _legacy(data: bytes) -> Imatrix:
    stream = io.BytesIO(data)
    count = _int(stream)
    if not 0 < count <= 1 << 20:
        raise ValueError("no number of entries")
    entries = {}
    for _ in range(count):
        name = _take(stream, _int(stream)).decode("utf-8", "replace")
        calls, length = _int(stream), _int(stream)
        if length < 1:
            raise ValueError(f"{name} has no values")
        sums = np.frombuffer(_take(stream, 4 * length), np.float32)
        entries[name] = np.ascontiguousarray(sums / np.float32(calls) if calls > 0 else sums, np.float32)
    rest = stream.read(4)
    chunks, dataset = 0, ""
    if len(rest) == 4:
        chunks = int(struct.unpack("<i", rest)[0])
        size = stream.read(4)
        if len(size) == 4 and (length := struct.unpack("<i", size)[0]) > 0:
            dataset = stream.read(length).decode("utf-8", "replace")
    return Imatrix(entries, dataset, chunks)


def _int(stream: IO[bytes]) -> int:
    return int(struct.unpack("<i", stream.read(4))[0])


def _take(stream: IO[bytes], size: int) -> bytes:
    found = stream.read(size) if size >= 0 else b""
    if len(found) != size:
        raise ValueError("the file ends in the middle")
    return found
