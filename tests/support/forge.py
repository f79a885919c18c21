"""Forges model files: any published shape, a real vocabulary, nonsense weights. The real engine loads and times them.

The weights are one quantized tile of random numbers, repeated, so that a file of any size is written at disk speed.
"""

from __future__ import annotations

import ctypes
import importlib.util
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import IO, Any

import numpy as np

from desktop.core.gguf import Array, BytesSource, Text, read_header

ALIGNMENT = 32
_STRING, _ARRAY = 8, 9
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
# ggml type ids with elements and bytes per block (ggml/include/ggml.h)
TYPES = {
    "F32": (0, 1, 4), "F16": (1, 1, 2), "Q4_0": (2, 32, 18), "Q4_1": (3, 32, 20), "Q5_0": (6, 32, 22),
    "Q8_0": (8, 32, 34), "Q2_K": (10, 256, 84), "Q3_K": (11, 256, 110), "Q4_K": (12, 256, 144),
    "Q5_K": (13, 256, 176), "Q6_K": (14, 256, 210), "IQ4_NL": (20, 32, 18),
}  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """A dense llama-like architecture; sizes in elements."""

    layers: int
    embedding: int
    feed_forward: int
    heads: int
    kv_heads: int
    context_length: int = 8192
    architecture: str = "llama"


TINY = Shape(layers=2, embedding=256, feed_forward=512, heads=4, kv_heads=2)
LLAMA_1B = Shape(layers=16, embedding=2048, feed_forward=8192, heads=32, kv_heads=8, context_length=131072)


@dataclass(frozen=True)
class Value:
    """A metadata value with its GGUF type id; an array is its stored bytes, the element's type id and its length."""

    type: int
    value: Any
    element: int = 0
    length: int = 0


@cache
def _ggml() -> ctypes.CDLL:
    spec = importlib.util.find_spec("llama_cpp")
    assert spec is not None and spec.origin is not None
    library = ctypes.CDLL(str(Path(spec.origin).parent / "lib" / "libggml-base.so"))
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    library.ggml_quantize_chunk.argtypes = [
        ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p,
    ]  # fmt: skip
    return library


def _tile(kind: str, columns: int, rows: int = 64) -> bytes:
    """``rows`` quantized rows of small random numbers, by llama.cpp's own quantizer."""
    type_id, block, size = TYPES[kind]
    numbers = np.random.default_rng(columns).normal(0.0, 0.02, (rows, columns)).astype(np.float32)
    if kind == "F32":
        return numbers.tobytes()
    out = ctypes.create_string_buffer(rows * columns // block * size)
    _ggml().ggml_quantize_chunk(type_id, numbers.ctypes.data, out, 0, rows, columns, None)
    return out.raw


def vocabulary(vocab: Path) -> dict[str, Value]:
    """The ``tokenizer.*`` metadata of a real GGUF file, arrays as the bytes they are stored in."""
    data = vocab.read_bytes()
    return {
        key: _value(data, int(entry.type), entry.data)
        for key, entry in read_header(BytesSource(data)).metadata.items()
        if key.startswith("tokenizer.")
    }


def _value(data: bytes, type_id: int, value: Any) -> Value:
    if isinstance(value, Array):
        return Value(_ARRAY, data[value.offset : value.end], int(value.type), len(value))
    return Value(type_id, value.read(value.length) if isinstance(value, Text) else value)


def _string(text: str) -> bytes:
    raw = text.encode("utf-8", "surrogateescape")
    return struct.pack("<Q", len(raw)) + raw


def _packed(type_id: int, value: Any) -> bytes:
    return _string(value) if type_id == _STRING else struct.pack(_SCALARS[type_id], value)


def _entry(key: str, value: Value) -> bytes:
    head = _string(key) + struct.pack("<I", value.type)
    if value.type != _ARRAY:
        return head + _packed(value.type, value.value)
    packed: bytes = value.value
    return head + struct.pack("<IQ", value.element, value.length) + packed


def tensors(shape: Shape, kind: str, vocabulary_size: int) -> list[tuple[str, tuple[int, ...], str]]:
    """Name, shape (fastest dimension first) and type of each tensor of a llama-like model."""
    e, f = shape.embedding, shape.feed_forward
    kv = e // shape.heads * shape.kv_heads
    found: list[tuple[str, tuple[int, ...], str]] = [
        ("token_embd.weight", (e, vocabulary_size), kind if kind in ("F16", "F32") else "Q8_0"),
        ("output_norm.weight", (e,), "F32"),
    ]
    for i in range(shape.layers):
        found += [
            (f"blk.{i}.attn_norm.weight", (e,), "F32"),
            (f"blk.{i}.attn_q.weight", (e, e), kind),
            (f"blk.{i}.attn_k.weight", (e, kv), kind),
            (f"blk.{i}.attn_v.weight", (e, kv), kind),
            (f"blk.{i}.attn_output.weight", (e, e), kind),
            (f"blk.{i}.ffn_norm.weight", (e,), "F32"),
            (f"blk.{i}.ffn_gate.weight", (e, f), kind),
            (f"blk.{i}.ffn_up.weight", (e, f), kind),
            (f"blk.{i}.ffn_down.weight", (f, e), kind),
        ]
    return found


def metadata(shape: Shape, vocab: Mapping[str, Value], template: str | None = None) -> dict[str, Value]:
    """Metadata of a llama-like model with a real vocabulary; ``template`` replaces or adds the chat template."""
    a = shape.architecture
    found = {
        "general.architecture": Value(_STRING, a),
        "general.name": Value(_STRING, "Forged"),
        f"{a}.block_count": Value(4, shape.layers),
        f"{a}.context_length": Value(4, shape.context_length),
        f"{a}.embedding_length": Value(4, shape.embedding),
        f"{a}.feed_forward_length": Value(4, shape.feed_forward),
        f"{a}.attention.head_count": Value(4, shape.heads),
        f"{a}.attention.head_count_kv": Value(4, shape.kv_heads),
        f"{a}.attention.layer_norm_rms_epsilon": Value(6, 1e-5),
        f"{a}.rope.freq_base": Value(6, 10000.0),
        **vocab,
    }
    if template is not None:
        found["tokenizer.chat_template"] = Value(_STRING, template)
    return found


def write(
    path: Path,
    entries: Mapping[str, Value],
    parts: Iterable[tuple[str, tuple[int, ...], str]],
    *,
    hollow: bool = False,
) -> Path:
    """Write a GGUF v3 file of the given metadata and tensors; a ``hollow`` one has a hole where the weights are."""
    parts = list(parts)
    infos, offset = [], 0
    for name, dims, kind in parts:
        type_id = TYPES[kind][0]
        infos.append(_string(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, type_id, offset))
        offset += _padded(_size(dims, kind))
    with path.open("wb") as out:
        out.write(b"GGUF" + struct.pack("<IQQ", 3, len(parts), len(entries)))
        for key, value in entries.items():
            out.write(_entry(key, value))
        out.write(b"".join(infos))
        out.write(b"\0" * (-out.tell() % ALIGNMENT))
        if hollow:
            out.truncate(out.tell() + offset)
            return path
        for _, dims, kind in parts:
            _write_tensor(out, dims, kind)
    return path


def _size(dims: tuple[int, ...], kind: str) -> int:
    _, block, size = TYPES[kind]
    return int(np.prod(dims)) // block * size


def _padded(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _write_tensor(out: IO[bytes], dims: tuple[int, ...], kind: str) -> None:
    size = _size(dims, kind)
    if len(dims) == 1:
        out.write(np.ones(dims, np.float32).tobytes())
    else:
        tile = _tile(kind, dims[0])
        for _ in range(size // len(tile)):
            out.write(tile)
        out.write(tile[: size % len(tile)])
    out.write(b"\0" * (_padded(size) - size))


def forge(path: Path, shape: Shape, kind: str, vocab: Path, template: str | None = None, **changes: Value) -> Path:
    """A whole model at ``path``. ``changes`` replace metadata; dots in keys are written as double underscores."""
    words = vocabulary(vocab)
    count = words["tokenizer.ggml.tokens"].length
    entries = metadata(shape, words, template) | {key.replace("__", "."): value for key, value in changes.items()}
    return write(path, entries, tensors(shape, kind, count))


def with_layers(shape: Shape, layers: int) -> Shape:
    """The same shape with another depth."""
    return replace(shape, layers=layers)
