"""ggml's own conversions between stored blocks and floats. Only tool processes import this module.

A block from a stranger's file may hold anything; ggml's conversions read no further than the block, and an index
into a table is always within it by its number of bits.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop.core.quants import TENSOR_TYPES, TYPES_BY_NAME

Values = NDArray[np.float32] | NDArray[np.float64]

_PLAIN = {"F32": "f4", "F16": "f2", "F64": "f8", "I8": "i1", "I16": "i2", "I32": "i4", "I64": "i8"}
_WIDE = ("F64", "I32", "I64")  # not every value fits into 32-bit floats
_LIBRARY = {"win32": "ggml-base.dll", "darwin": "libggml-base.dylib"}.get(sys.platform, "libggml-base.so")

# Types that ggml_quantize_chunk makes (ggml/src/ggml.c); Q8_1, Q8_K and integers are not stored weights.
TARGETS = (
    "F16", "BF16", "Q8_0", "Q6_K", "Q5_K", "Q5_1", "Q5_0", "Q4_K", "Q4_1", "Q4_0", "IQ4_NL", "IQ4_XS", "NVFP4",
    "MXFP4", "Q3_K", "IQ3_S", "IQ3_XXS", "Q2_K", "IQ2_S", "IQ2_XS", "IQ2_XXS", "Q2_0", "TQ2_0", "IQ1_M", "TQ1_0",
    "IQ1_S", "Q1_0",
)  # fmt: skip

# What llama-quantize refuses to make without an importance matrix (src/llama-quant.cpp, tensor_requires_imatrix)
NEEDS_IMATRIX = frozenset(("IQ3_XXS", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ1_M", "IQ1_S"))


class _Traits(ctypes.Structure):
    """ggml_type_traits (ggml/include/ggml.h)."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("block", ctypes.c_int64),
        ("interleave", ctypes.c_int64),
        ("block_bytes", ctypes.c_size_t),
        ("is_quantized", ctypes.c_bool),
        ("to_float", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)),
        ("from_float", ctypes.c_void_p),
    )


@cache
def _ggml() -> ctypes.CDLL:
    spec = find_spec("llama_cpp")
    if spec is None or spec.origin is None:
        raise RuntimeError("llama-cpp-python is not installed")
    library = ctypes.CDLL(str(Path(spec.origin).parent / "lib" / _LIBRARY))
    library.ggml_get_type_traits.restype = ctypes.POINTER(_Traits)
    library.ggml_get_type_traits.argtypes = [ctypes.c_int]
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    library.ggml_quantize_chunk.argtypes = [
        ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p,
    ]  # fmt: skip
    return library


def dequantize(type_id: int, raw: bytes | bytearray | memoryview, *, big_endian: bool = False) -> Values:
    """The numbers of whole blocks, in the order of the file; 64-bit floats where 32 bits would round.

    ValueError for a type ggml does not know, a length that is no whole number of blocks, or a quantized type of
    the other byte order.
    """
    kind = TENSOR_TYPES.get(type_id)
    if kind is None:
        raise ValueError(f"no tensor type has the id {type_id}")
    if len(raw) % kind.block_bytes:
        raise ValueError(f"{len(raw)} bytes are no whole number of {kind.name} blocks")
    if kind.name in _PLAIN:
        plain = np.frombuffer(raw, ("" if not big_endian else ">") + _PLAIN[kind.name])
        return plain.astype(np.float64) if kind.name in _WIDE else plain.astype(np.float32)
    if big_endian and kind.name != "BF16":
        raise ValueError("a quantized tensor of the other byte order")
    if kind.name == "BF16":
        halves = np.frombuffer(raw, ">u2" if big_endian else "<u2").astype(np.uint32)
        return (halves << 16).view(np.float32)
    if kind.name in ("Q8_1", "Q8_K"):
        return _eight_bit(kind.name, kind.block_bytes, raw)
    count = len(raw) // kind.block_bytes * kind.block
    values = np.empty(count, np.float32)
    blocks = np.frombuffer(raw, np.uint8)
    _ggml().ggml_get_type_traits(type_id).contents.to_float(blocks.ctypes.data, values.ctypes.data, count)
    return values


def _eight_bit(name: str, block_bytes: int, raw: bytes | bytearray | memoryview) -> NDArray[np.float32]:
    # ggml makes these two only for products and has no way back to floats
    head = ("<f2", 4, 32) if name == "Q8_1" else ("<f4", 4, 256)
    scale_type, first, weights = head
    blocks = np.frombuffer(raw, np.uint8).reshape(-1, block_bytes)
    width = np.dtype(scale_type).itemsize
    scales = blocks[:, :width].copy().view(scale_type).astype(np.float32)
    quants = blocks[:, first : first + weights].view(np.int8).astype(np.float32)
    return (scales * quants).reshape(-1)


def quantize(name: str, rows: NDArray[np.float32], columns: NDArray[np.float32] | None = None) -> NDArray[np.uint8]:
    """The blocks of ``rows`` (rows x row length, finite) in the type ``name`` of TARGETS, by ggml's own quantizer.

    ``columns`` is their importance, a value each; without, types that need it are given one in which every weight
    counts the same.
    ValueError when a row is no whole number of blocks.
    """
    kind = TYPES_BY_NAME[name]
    count, length = rows.shape
    if length % kind.block:
        raise ValueError(f"rows of {length} weights are no whole number of {name} blocks")
    source = np.ascontiguousarray(rows, np.float32)
    out = np.empty(kind.size(rows.size), np.uint8)
    if columns is None and name in NEEDS_IMATRIX:
        columns = np.ones(length, np.float32)
    importance = columns.ctypes.data if columns is not None else None
    _ggml().ggml_quantize_chunk(kind.id, source.ctypes.data, out.ctypes.data, 0, count, length, importance)
    return out


def requantize(name: str, rows: NDArray[np.float32], columns: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """``rows`` after a trip through the type ``name``; as :func:`quantize` otherwise."""
    stored = quantize(name, rows, columns)
    return np.asarray(dequantize(TYPES_BY_NAME[name].id, stored.data), np.float32).reshape(rows.shape)
