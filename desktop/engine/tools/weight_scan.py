"""Looks for NaN and infinities among the weights of a file, without dequantizing them, in a process of its own.

What can be no number is a float: the weights themselves, or the scales of a block. The rules are those of
``ggml_validate_row_data`` (llama.cpp 0c1e57098, ggml/src/ggml-quants.c), which ``llama-cli --check-tensors`` uses.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

from desktop.core.progress import Progress, Report
from desktop.core.quants import TENSOR_TYPES, TensorType
from desktop.engine.helper_process import serve

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MEMORY_BYTES = 2 << 30
_CHUNK_BYTES = 8 << 20

# Bytes at which a block's 16-bit float scales lie (ggml/src/ggml-common.h).
HALF_SCALES: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(("Q4_0", "Q5_0", "Q8_0", "Q1_0", "Q2_0", "IQ4_NL", "IQ4_XS", "IQ1_S"), (0,)),
    **dict.fromkeys(("IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S"), (0,)),
    **dict.fromkeys(("Q4_1", "Q5_1", "Q8_1", "Q4_K", "Q5_K"), (0, 2)),
    "Q2_K": (80, 82),
    "Q3_K": (108,),
    "Q6_K": (208,),
    "TQ1_0": (52,),
    "TQ2_0": (64,),
}
_IQ1_M_SCALES = 48  # four 16-bit words, whose upper 4 bits together are the scale
# Plain floats, as unsigned integers of a width: what all set exponent bits mean.
_EXPONENTS: Mapping[str, tuple[str, int]] = {
    "F32": ("u4", 0x7F80_0000),
    "F16": ("u2", 0x7C00),
    "BF16": ("u2", 0x7F80),
    "F64": ("u8", 0x7FF0_0000_0000_0000),
}


class Stored(msgspec.Struct, frozen=True):
    """A tensor's place in a file: byte position, ggml type id, number of weights."""

    name: str
    position: int
    type_id: int
    elements: int


class ScanWeights(msgspec.Struct, frozen=True):
    """Look through these tensors of a file."""

    path: str
    tensors: tuple[Stored, ...]
    big_endian: bool = False


class Bad(msgspec.Struct, frozen=True):
    """A tensor in which ``count`` weights or blocks are no numbers; ``offset`` is the first one's byte in the file."""

    name: str
    count: int
    offset: int


class Scanned(msgspec.Struct, frozen=True):
    """What was found. ``unread`` are tensors that are not all there, or whose type holds nothing to check."""

    bad: tuple[Bad, ...]
    unread: int
    bytes: int


def scan(request: ScanWeights, progress: Report) -> Scanned:
    """Read every tensor in pieces. OSError when the file cannot be read."""
    total = sum(_size(tensor) for tensor in request.tensors) or 1
    done = unread = 0
    bad: list[Bad] = []
    with Path(request.path).open("rb", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        for tensor in request.tensors:
            kind = TENSOR_TYPES.get(tensor.type_id)
            size = _size(tensor)
            if kind is None or tensor.position + size > end or not _checkable(kind):
                unread += 1
                continue
            count, first = 0, 0
            step = max(1, _CHUNK_BYTES // kind.block_bytes) * kind.block_bytes
            for start in range(0, size, step):
                data = _read(file, tensor.position + start, min(step, size - start))
                wrong = no_numbers(kind.name, data, request.big_endian)
                if wrong.size:
                    first = first if count else tensor.position + start + int(wrong[0]) * kind.block_bytes
                    count += wrong.size
                done += len(data)
                progress(Progress(done, total, "bytes", tensor.name))
            if count:
                bad.append(Bad(tensor.name, count, first))
    return Scanned(tuple(bad), unread, done)


def no_numbers(type_name: str, data: bytes | bytearray, big_endian: bool = False) -> NDArray[np.intp]:
    """Indexes of the blocks (of a plain float type: the weights) in which a float is NaN or infinite.

    ``data`` are whole blocks of one type; none are found in types that hold no floats.
    """
    import numpy as np

    order = ">" if big_endian else "<"
    if type_name in _EXPONENTS:
        code, mask = _EXPONENTS[type_name]
        words = np.frombuffer(data, order + code)
        return np.flatnonzero((words & words.dtype.type(mask)) == mask)
    size = next(kind.block_bytes for kind in TENSOR_TYPES.values() if kind.name == type_name)
    blocks = np.frombuffer(data, np.uint8).reshape(-1, size)
    if type_name == "MXFP4":
        return np.flatnonzero(blocks[:, 0] == 0xFF)
    if type_name == "Q8_K":
        scales = np.ascontiguousarray(blocks[:, :4]).view(f"{order}u4")
        return np.flatnonzero((scales[:, 0] & 0x7F80_0000) == 0x7F80_0000)
    wrong = np.zeros(len(blocks), bool)
    if type_name == "IQ1_M":
        words = np.ascontiguousarray(blocks[:, _IQ1_M_SCALES:]).view(f"{order}u2")
        wrong = (words[:, 3] & 0x7000 == 0x7000) & (words[:, 2] & 0xC000 == 0xC000)
    for offset in HALF_SCALES.get(type_name, ()):
        scales = np.ascontiguousarray(blocks[:, offset : offset + 2]).view(f"{order}u2")
        wrong |= (scales[:, 0] & 0x7C00) == 0x7C00
    return np.flatnonzero(wrong)


def _checkable(kind: TensorType) -> bool:
    return kind.name in HALF_SCALES or kind.name in _EXPONENTS or kind.name in ("MXFP4", "Q8_K", "IQ1_M")


def _size(tensor: Stored) -> int:
    kind = TENSOR_TYPES.get(tensor.type_id)
    return kind.size(tensor.elements) if kind else 0


def _read(file: IO[Any], position: int, count: int) -> bytearray:
    file.seek(position)
    data = bytearray(count)
    view, have = memoryview(data), 0
    while have < count:
        got = file.readinto(view[have:])  # type: ignore[attr-defined]  # a raw file has it
        if not got:
            raise OSError("the file became shorter while it was read")
        have += got
    return data


def main() -> None:
    """Serve until stdin closes."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # each of its threads reserves address space, which is limited
    serve(ScanWeights, scan, memory_bytes=MEMORY_BYTES)


if __name__ == "__main__":
    main()
