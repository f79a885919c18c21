"""Importance matrices in files: read in both forms llama.cpp has, GGUF and the one before it; written as GGUF.

Source: llama.cpp ``common/imatrix-loader.cpp``, ``tools/quantize/quantize.cpp`` (load_imatrix) and
``tools/imatrix/imatrix.cpp`` (save_imatrix).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from desktop.core.errors import FileFormatError
from desktop.core.gguf import BytesSource, Header, read_header
from desktop.core.gguf.encoding import encoded_string, encoded_text
from desktop.core.gguf.header import Tensor
from desktop.core.gguf.values import ValueType
from desktop.core.gguf.writer import ALIGNMENT, entry, padded, written
from desktop.core.importance import TOP_PART, TensorImportance
from desktop.core.quants import TYPES_BY_NAME
from desktop.core.words import tr

_SUMS, _COUNTS = ".in_sum2", ".counts"
_MOST_BYTES = 4 << 30
_ANOTHER = "Choose an importance matrix that llama-imatrix made of this model."


@dataclass(frozen=True)
class Imatrix:
    """For each tensor the importance of its columns (of every expert, one after the other)."""

    entries: dict[str, NDArray[np.float32]]
    dataset: str = ""
    chunks: int = 0
    rows: dict[str, int] = field(default_factory=dict)  # of activations that were added up, where the file says it


def importance_of(found: Imatrix) -> tuple[TensorImportance, ...]:
    """A figure or two of each tensor, in the order of their names' numbers."""
    told = []
    for name, values in found.entries.items():
        top = max(1, int(values.size * TOP_PART))
        whole = float(values.sum(dtype=np.float64))
        strongest = float(np.partition(values, values.size - top)[-top:].sum(dtype=np.float64))
        share = strongest / whole if whole > 0 else 0.0
        told.append(TensorImportance(name, whole / values.size, share, found.rows.get(name, 0)))
    return tuple(sorted(told, key=lambda one: (one.layer if one.layer is not None else -1, one.name)))


@dataclass
class Sums:
    """What was added up for one tensor: squares of what meets its columns, a row for each matrix (expert) in it, and
    how many rows of activations that were, one number for all of it or one for each expert."""

    squares: NDArray[np.float32]
    counts: NDArray[np.int64]


@dataclass
class Collected:
    """All of a model's, after ``chunks`` pieces of ``chunk_size`` tokens of a text. ``told`` is further metadata."""

    sums: dict[str, Sums]
    chunks: int
    chunk_size: int
    dataset: str
    told: Mapping[str, str] = field(default_factory=dict)


def write_imatrix(path: Path, found: Collected) -> None:
    """As save_imatrix of llama-imatrix writes it, by the tensors' names in order. OSError passes."""
    datasets = encoded_string("imatrix.datasets") + struct.pack("<IIQ", ValueType.ARRAY, ValueType.STRING, 1)
    entries = {
        "general.type": encoded_text("general.type", "imatrix"),
        "imatrix.datasets": datasets + encoded_string(found.dataset),
        "imatrix.chunk_count": entry("imatrix.chunk_count", ValueType.UINT32, found.chunks),
        "imatrix.chunk_size": entry("imatrix.chunk_size", ValueType.UINT32, found.chunk_size),
    } | {key: encoded_text(key, text) for key, text in found.told.items()}
    kind, tensors, blocks = TYPES_BY_NAME["F32"].id, [], []
    for name, sums in sorted(found.sums.items()):
        rows, columns = sums.squares.shape
        counts = sums.counts.astype(np.float32)
        tensors += [
            Tensor(name + _SUMS, (columns, rows), kind, 0),
            Tensor(name + _COUNTS, (1, int(counts.size)), kind, 0),
        ]
        blocks += [sums.squares.astype("<f4").tobytes(), counts.astype("<f4").tobytes()]
    head = written(entries, tensors)
    with path.open("wb") as out:
        out.write(head.header)
        for block in blocks:
            out.write(block + bytes(padded(len(block), ALIGNMENT) - len(block)))


def read_collected(path: Path) -> Collected:
    """What :func:`write_imatrix` wrote, to go on from there. FileFormatError, ValueError, OSError for anything else."""
    data = path.read_bytes()
    header = read_header(BytesSource(data))
    arrays = dict(_tensors(header, data))
    sums = {}
    for tensor in header.tensors:
        if tensor.name.endswith(_SUMS):
            bare = tensor.name.removesuffix(_SUMS)
            counts = np.rint(arrays[bare + _COUNTS]).astype(np.int64)
            sums[bare] = Sums(arrays[tensor.name].reshape(-1, tensor.shape[0]).copy(), counts)
    datasets = header.array("imatrix.datasets")
    told = {key: header.string(key) or "" for key in header.metadata if key.startswith("heft.")}
    size = header.integer("imatrix.chunk_size") or 0
    names = datasets.strings() if datasets is not None else []
    return Collected(sums, header.integer("imatrix.chunk_count") or 0, size, names[0] if names else "", told)


def read_imatrix(path: Path) -> Imatrix:
    """Raises FileFormatError for what is no importance matrix, OSError."""
    if path.stat().st_size > _MOST_BYTES:
        raise FileFormatError(tr("{name} is too large for an importance matrix.", name=path.name), _ANOTHER)
    data = path.read_bytes()
    try:
        found = _gguf(data) if data[:4] == b"GGUF" else _legacy(data)
    except (struct.error, ValueError) as error:
        raise FileFormatError(
            tr("{name} is no importance matrix.", name=path.name), _ANOTHER, detail=str(error)
        ) from None
    if not found.entries:
        raise FileFormatError(tr("{name} holds no importance matrix.", name=path.name), _ANOTHER)
    if not all(np.isfinite(values).all() for values in found.entries.values()):
        raise FileFormatError(tr("{name} holds values that are no numbers.", name=path.name), _ANOTHER)
    return found


def _gguf(data: bytes) -> Imatrix:
    header = read_header(BytesSource(data))
    arrays = dict(_tensors(header, data))
    datasets = header.array("imatrix.datasets")
    if datasets is None or "imatrix.chunk_count" not in header.metadata:
        raise ValueError("a GGUF file without the metadata of an importance matrix")
    entries, added = {}, {}
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
        added[bare] = int(counts.sum())
    names = datasets.strings() if len(datasets) else []
    return Imatrix(entries, names[0] if names else "", header.integer("imatrix.chunk_count") or 0, added)


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
