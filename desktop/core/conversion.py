"""What a conversion of safetensors to GGUF comes to: bytes read and written, by the tensors' shapes.

llama.cpp's converter (conversion/base.py, prepare_tensors) writes tensors of one dimension, and some small ones, in
F32 and all others in the type that is asked for. What it adds (the vocabulary, other names) is small beside them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal, get_args

ConvertType = Literal["F16", "BF16", "Q8_0", "F32"]
AUTO = "auto"
TYPES: tuple[str, ...] = (AUTO, *get_args(ConvertType))
_BITS: dict[ConvertType, float] = {"F32": 32, "F16": 16, "BF16": 16, "Q8_0": 8.5}
_BLOCK = 32  # weights of a Q8_0 block; rows of another length stay in F16
QUANTIZED_BITS = 4.9  # per weight of a Q4_K_M, the usual variant (resources/data/quality.csv)
# Bytes read and written per second on two busy cores of a Zen 4 (docs/reference/lab.md): a slow disk makes it longer,
# more cores make quantizing quicker.
CONVERTED_PER_SECOND = 200e6
QUANTIZED_PER_SECOND = 60e6
STARTING_SECONDS = 20.0  # torch and transformers are imported, the vocabulary is read


def converted_bytes(tensors: Iterable[tuple[tuple[int, ...], str]], kind: ConvertType) -> int:
    """Bytes of the tensors of a GGUF in a type, from their shapes; about."""
    total = 0.0
    for shape, _ in tensors:
        count = math.prod(shape)
        bits = _BITS[kind] if len(shape) > 1 else 32
        if kind == "Q8_0" and len(shape) > 1 and shape[-1] % _BLOCK:
            bits = 16
        total += count * bits / 8
    return int(total)


def type_of(tensors: Iterable[tuple[tuple[int, ...], str]]) -> ConvertType:
    """The 16-bit type that loses nothing, as the converter guesses it: that of the first matrix in BF16 or F16."""
    for shape, kind in tensors:
        if len(shape) > 1 and kind in ("BF16", "F16"):
            return "BF16" if kind == "BF16" else "F16"
    return "F16"


def conversion_seconds(read_bytes: int, written_bytes: int) -> float:
    """How long converting takes, about."""
    return STARTING_SECONDS + (read_bytes + written_bytes) / CONVERTED_PER_SECOND


def quantized_bytes(weights: int) -> int:
    """Bytes of the usual variant, about."""
    return int(weights * QUANTIZED_BITS / 8)


def quantizing_seconds(read_bytes: int, written_bytes: int) -> float:
    """How long making that variant takes, about."""
    return (read_bytes + written_bytes) / QUANTIZED_PER_SECOND
