"""Repos for the local Hub as the picker meets them: real headers of published shapes over sparse bytes of any size."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from desktop.core.quants import FILE_TYPES, TYPES_BY_NAME

from .forge import ALIGNMENT, Shape, Value, forge, metadata, tensors, vocabulary
from .forge import _entry as entry_bytes
from .forge import _padded as padded
from .forge import _string as string_bytes
from .hub_server import Repo
from .hub_server_content import BytesContent, Content, SparseContent

QWEN3_8B = Shape(36, 4096, 12_288, 32, 8, 40_960, "qwen3")
QWEN3_14B = Shape(40, 5120, 17_408, 40, 8, 40_960, "qwen3")
QWEN3_600M = Shape(28, 1024, 3072, 8, 8, 40_960, "qwen3")  # heads of 128: 16 x 64 is not what Qwen3 0.6B has
QWEN25_14B = Shape(48, 5120, 13_824, 40, 8, 32_768, "qwen2")
SMOLLM2_135M = Shape(30, 576, 1536, 9, 3, 8192)
LLAMA_70B = Shape(80, 8192, 28_672, 64, 8, 131_072)
MIXES = {label.label: label.base for label in FILE_TYPES.values()}
VARIANTS = ("Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0")
THIRTY = (
    "IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "Q2_K", "Q2_K_S", "IQ3_XXS", "IQ3_XS", "IQ3_S", "IQ3_M",
    "Q3_K_S", "Q3_K_M", "Q3_K_L", "IQ4_XS", "IQ4_NL", "Q4_0", "Q4_1", "Q4_K_S", "Q4_K_M", "Q5_0", "Q5_1", "Q5_K_S",
    "Q5_K_M", "Q6_K", "Q8_0", "F16", "BF16", "F32",
)  # fmt: skip


@cache
def words(vocab: Path) -> Mapping[str, Value]:
    """The vocabulary of a real file, read once."""
    return vocabulary(vocab)


def model(shape: Shape, label: str, vocab: Path, **changes: Value) -> SparseContent:
    """A whole file of a model: a real header, and bytes without meaning where the weights would be.

    Mixes have their larger type where llama.cpp puts it first: in the values and the down projections.
    """
    found = words(vocab)
    base = MIXES[label]
    larger = {"Q2_K": "Q3_K", "Q3_K": "Q5_K", "Q4_K": "Q6_K", "Q5_K": "Q6_K"}.get(base, base)
    mixed = label.endswith(("_M", "_L")) or label == "Q2_K"
    parts = []
    for name, dims, plain in tensors(shape, "F16", found["tokenizer.ggml.tokens"].length):
        late = name.endswith(("attn_v.weight", "ffn_down.weight")) and int(name.split(".")[1]) % 2 == 0
        kind = larger if mixed and late else base
        if name == "token_embd.weight" and base not in ("F16", "BF16", "F32", "Q8_0"):
            kind = "Q6_K"
        parts.append((name, dims, plain if plain == "F32" else kind))
    if shape.architecture == "qwen3":  # the engine wants these norms
        length = shape.embedding // shape.heads
        parts += [(f"blk.{i}.attn_{x}_norm.weight", (length,), "F32") for i in range(shape.layers) for x in "qk"]
    file_type = next(number for number, known in FILE_TYPES.items() if known.label == label)
    entries = {**metadata(shape, found), "general.file_type": Value(4, file_type)}
    entries |= {key.replace("__", "."): value for key, value in changes.items()}
    return head(entries, parts)


def head(entries: Mapping[str, Value], parts: Sequence[tuple[str, tuple[int, ...], str]]) -> SparseContent:
    """A file of the given metadata and tensors; the tensors' bytes are made up when they are asked for."""
    infos, offset = [], 0
    for name, dims, kind in parts:
        known, count = TYPES_BY_NAME[kind], 1
        for length in dims:
            count *= length
        infos.append(string_bytes(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, known.id, offset))
        offset += padded(known.size(count))
    data = b"".join(
        (
            b"GGUF" + struct.pack("<IQQ", 3, len(parts), len(entries)),
            *(entry_bytes(key, value) for key, value in entries.items()),
            *infos,
        )
    )
    data += b"\0" * (-len(data) % ALIGNMENT)
    return SparseContent(data, len(data) + offset)


def several(name: str, models: Mapping[str, tuple[Shape, Sequence[str]]], vocab: Path, **fields: Any) -> Repo:
    """A repo of several models, each with one file per label; their headers say what they are called."""
    files: dict[str, Content] = {}
    for stem, (shape, labels) in models.items():
        title = Value(8, stem.replace("-", " "))
        files |= {f"{stem}-{label}.gguf": model(shape, label, vocab, general__name=title) for label in labels}
    return Repo(name, files, {"tags": ["gguf", "license:apache-2.0"], **fields})


def repo(name: str, shape: Shape, labels: Sequence[str], vocab: Path, parameters: float, **fields: Any) -> Repo:
    """A repo ``OWNER/MODEL-GGUF`` with one file per label, and the facts the Hub would tell of it."""
    stem = name.partition("/")[2].removesuffix("-GGUF")
    files: dict[str, Content] = {f"{stem}-{label}.gguf": model(shape, label, vocab) for label in labels}
    files["README.md"] = BytesContent(b"# " + stem.encode())
    facts = {
        "downloads": 812_000,
        "likes": 431,
        "tags": ["gguf", "license:apache-2.0", f"base_model:quantized:{name.removesuffix('-GGUF')}", "conversational"],
        "lastModified": "2026-08-20T10:00:00.000Z",
        "gguf": {
            "total": int(parameters),
            "architecture": shape.architecture,
            "context_length": shape.context_length,
        },
    }
    return Repo(name, files, {**facts, **fields})


def whole_model(folder: Path, vocabulary: Path) -> BytesContent:
    """A model of some megabytes with all its tensors, which can be loaded once it is downloaded."""
    path = forge(folder / "whole.gguf", Shape(2, 64, 64, 1, 1), "Q8_0", vocabulary)
    return BytesContent(path.read_bytes())
