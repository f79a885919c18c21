"""Writes GGUF models of any shape with random weights, for the calibration. Only tool processes import this module.

The weights are a few quantized blocks of random numbers, repeated, so that a file is written at disk speed. There is no
vocabulary (llama.cpp's tokenizer "no_vocab"): tokens are numbers only. Layout: ggml/include/gguf.h, version 3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import numpy as np

from desktop.core.quants import TYPES_BY_NAME
from desktop.engine.tools.dequantize import quantize

ALIGNMENT = 32
_BLOCKS, _BLOCK = 61, 256  # a prime number of blocks, so that neighbouring rows differ; 256 suits every type
_PIECE_BYTES = 1 << 20
_U32, _F32, _STRING = 4, 6, 8  # gguf_type

ForgedTensor = tuple[str, tuple[int, ...], str]  # a tensor's name, shape (row length first) and type


@dataclass(frozen=True)
class ForgedShape:
    """A llama-like architecture, sizes in elements. With ``experts``, ``feed_forward`` is that of each expert.

    ``output_type`` is the type of embedding and output, which are one matrix.
    """

    layers: int
    embedding: int
    feed_forward: int
    heads: int
    kv_heads: int
    vocabulary: int = 512
    experts: int = 0
    experts_used: int = 0
    context_length: int = 8192
    output_type: str = "Q8_0"

    def with_layers(self, layers: int) -> ForgedShape:
        """The same with another depth."""
        return replace(self, layers=layers)


def parts(shape: ForgedShape, kind: str) -> list[ForgedTensor]:
    """All tensors; matrices of the layers are of type ``kind``."""
    e, f = shape.embedding, shape.feed_forward
    kv = e // shape.heads * shape.kv_heads
    listed: list[ForgedTensor] = [
        ("token_embd.weight", (e, shape.vocabulary), shape.output_type),
        ("output_norm.weight", (e,), "F32"),
    ]
    for i in range(shape.layers):
        name = f"blk.{i}."
        listed += [
            (name + "attn_norm.weight", (e,), "F32"),
            (name + "attn_q.weight", (e, e), kind),
            (name + "attn_k.weight", (e, kv), kind),
            (name + "attn_v.weight", (e, kv), kind),
            (name + "attn_output.weight", (e, e), kind),
            (name + "ffn_norm.weight", (e,), "F32"),
        ]
        if shape.experts:
            listed += [
                (name + "ffn_gate_inp.weight", (e, shape.experts), "F32"),
                (name + "ffn_gate_exps.weight", (e, f, shape.experts), kind),
                (name + "ffn_up_exps.weight", (e, f, shape.experts), kind),
                (name + "ffn_down_exps.weight", (f, e, shape.experts), kind),
            ]
        else:
            listed += [
                (name + "ffn_gate.weight", (e, f), kind),
                (name + "ffn_up.weight", (e, f), kind),
                (name + "ffn_down.weight", (f, e), kind),
            ]
    return listed


def layer_bytes(shape: ForgedShape, kind: str) -> int:
    """Bytes of one layer's matrices."""
    listed = parts(shape.with_layers(1), kind)
    return sum(_size(dims, of) for name, dims, of in listed if name.startswith("blk.") and len(dims) > 1)


def forge(path: Path, shape: ForgedShape, kind: str) -> Path:
    """Write the model; OSError when the disk refuses."""
    return _write(path, _metadata(shape), parts(shape, kind))


def _metadata(shape: ForgedShape) -> Mapping[str, str | int | float]:
    entries: dict[str, str | int | float] = {
        "general.architecture": "llama",
        "llama.block_count": shape.layers,
        "llama.context_length": shape.context_length,
        "llama.embedding_length": shape.embedding,
        "llama.feed_forward_length": shape.feed_forward,
        "llama.attention.head_count": shape.heads,
        "llama.attention.head_count_kv": shape.kv_heads,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.vocab_size": shape.vocabulary,
        "tokenizer.ggml.model": "no_vocab",
    }
    if shape.experts:
        entries |= {"llama.expert_count": shape.experts, "llama.expert_used_count": shape.experts_used}
    return entries


def _write(path: Path, entries: Mapping[str, str | int | float], listed: Iterable[ForgedTensor]) -> Path:
    listed = list(listed)
    infos, offset = [], 0
    for name, dims, kind in listed:
        infos.append(_string(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, TYPES_BY_NAME[kind].id, offset))
        offset += _padded(_size(dims, kind))
    pieces: dict[str, bytes] = {}
    with path.open("wb") as out:
        out.write(b"GGUF" + struct.pack("<IQQ", 3, len(listed), len(entries)))
        out.write(b"".join(_string(key) + _value(value) for key, value in entries.items()))
        out.write(b"".join(infos))
        out.write(b"\0" * (-out.tell() % ALIGNMENT))
        for _, dims, kind in listed:
            _write_tensor(out, dims, kind, pieces)
    return path


def _string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _value(value: str | int | float) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", _STRING) + _string(value)
    if isinstance(value, int):
        return struct.pack("<II", _U32, value)
    return struct.pack("<If", _F32, value)


def _size(dims: tuple[int, ...], kind: str) -> int:
    elements = 1
    for length in dims:
        elements *= length
    return TYPES_BY_NAME[kind].size(elements)


def _padded(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _write_tensor(out: IO[bytes], dims: tuple[int, ...], kind: str, pieces: dict[str, bytes]) -> None:
    size = _size(dims, kind)
    if len(dims) == 1:
        out.write(np.ones(dims, np.float32).tobytes())
    else:
        if kind not in pieces:
            pieces[kind] = _piece(kind)
        for _ in range(size // len(pieces[kind])):
            out.write(pieces[kind])
        out.write(pieces[kind][: size % len(pieces[kind])])
    out.write(b"\0" * (_padded(size) - size))


def _piece(kind: str) -> bytes:
    """About a megabyte of blocks; quantizing so much of a 1-bit type itself would take minutes."""
    numbers = np.random.default_rng(1).normal(0.0, 0.02, (_BLOCKS, _BLOCK)).astype(np.float32)
    blocks = numbers.tobytes() if kind == "F32" else quantize(kind, numbers).tobytes()
    return blocks * max(1, _PIECE_BYTES // len(blocks))
