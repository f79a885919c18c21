"""ggml's tensor types, llama.cpp's file types, and the quantization a file really has.

Source of both tables: llama.cpp 0c1e57098, ``ggml/include/ggml.h`` (enum ggml_type), ``ggml/src/ggml.c``
(type_traits), ``include/llama.h`` (enum llama_ftype) and ``src/llama-quant.cpp`` (llama_ftype_get_default_type,
tensor_type_fallback). ``tests/core/test_quants.py`` holds the sizes beside those of the installed engine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from desktop.core.other_types import OTHER_TYPES


@dataclass(frozen=True)
class TensorType:
    """How one type stores weights: ``block_bytes`` bytes for every ``block`` weights of a row."""

    id: int
    name: str
    block: int
    block_bytes: int

    @property
    def bits_per_weight(self) -> float:
        return self.block_bytes * 8 / self.block

    def size(self, elements: int) -> int:
        """Bytes of ``elements`` weights; rows are whole blocks, so a rest is cut as ggml does."""
        return elements // self.block * self.block_bytes


_TYPES = (
    TensorType(0, "F32", 1, 4),
    TensorType(1, "F16", 1, 2),
    TensorType(2, "Q4_0", 32, 18),
    TensorType(3, "Q4_1", 32, 20),
    TensorType(6, "Q5_0", 32, 22),
    TensorType(7, "Q5_1", 32, 24),
    TensorType(8, "Q8_0", 32, 34),
    TensorType(9, "Q8_1", 32, 36),
    TensorType(10, "Q2_K", 256, 84),
    TensorType(11, "Q3_K", 256, 110),
    TensorType(12, "Q4_K", 256, 144),
    TensorType(13, "Q5_K", 256, 176),
    TensorType(14, "Q6_K", 256, 210),
    TensorType(15, "Q8_K", 256, 292),
    TensorType(16, "IQ2_XXS", 256, 66),
    TensorType(17, "IQ2_XS", 256, 74),
    TensorType(18, "IQ3_XXS", 256, 98),
    TensorType(19, "IQ1_S", 256, 50),
    TensorType(20, "IQ4_NL", 32, 18),
    TensorType(21, "IQ3_S", 256, 110),
    TensorType(22, "IQ2_S", 256, 82),
    TensorType(23, "IQ4_XS", 256, 136),
    TensorType(24, "I8", 1, 1),
    TensorType(25, "I16", 1, 2),
    TensorType(26, "I32", 1, 4),
    TensorType(27, "I64", 1, 8),
    TensorType(28, "F64", 1, 8),
    TensorType(29, "IQ1_M", 256, 56),
    TensorType(30, "BF16", 1, 2),
    TensorType(34, "TQ1_0", 256, 54),
    TensorType(35, "TQ2_0", 256, 66),
    TensorType(39, "MXFP4", 32, 17),
    TensorType(40, "NVFP4", 64, 36),
    TensorType(41, "Q1_0", 128, 18),
    TensorType(42, "Q2_0", 64, 18),
)

TENSOR_TYPES: Mapping[int, TensorType] = {kind.id: kind for kind in _TYPES}
TYPES_BY_NAME: Mapping[str, TensorType] = {kind.name: kind for kind in _TYPES}

# Ids that once stood in GGUF files and were removed from ggml; the names are those of the comments in ggml.h.
REMOVED_TYPES: Mapping[int, str] = {
    4: "Q4_2",
    5: "Q4_3",
    31: "Q4_0_4_4",
    32: "Q4_0_4_8",
    33: "Q4_0_8_8",
    36: "IQ4_NL_4_4",
    37: "IQ4_NL_4_8",
    38: "IQ4_NL_8_8",
}


@dataclass(frozen=True)
class FileType:
    """A value of ``general.file_type``: its label and the tensor type most weights are meant to have."""

    id: int
    label: str
    base: str


_FILE_TYPES = (
    FileType(0, "F32", "F32"),
    FileType(1, "F16", "F16"),
    FileType(2, "Q4_0", "Q4_0"),
    FileType(3, "Q4_1", "Q4_1"),
    FileType(7, "Q8_0", "Q8_0"),
    FileType(8, "Q5_0", "Q5_0"),
    FileType(9, "Q5_1", "Q5_1"),
    FileType(10, "Q2_K", "Q2_K"),
    FileType(11, "Q3_K_S", "Q3_K"),
    FileType(12, "Q3_K_M", "Q3_K"),
    FileType(13, "Q3_K_L", "Q3_K"),
    FileType(14, "Q4_K_S", "Q4_K"),
    FileType(15, "Q4_K_M", "Q4_K"),
    FileType(16, "Q5_K_S", "Q5_K"),
    FileType(17, "Q5_K_M", "Q5_K"),
    FileType(18, "Q6_K", "Q6_K"),
    FileType(19, "IQ2_XXS", "IQ2_XXS"),
    FileType(20, "IQ2_XS", "IQ2_XS"),
    FileType(21, "Q2_K_S", "Q2_K"),
    FileType(22, "IQ3_XS", "IQ3_S"),
    FileType(23, "IQ3_XXS", "IQ3_XXS"),
    FileType(24, "IQ1_S", "IQ1_S"),
    FileType(25, "IQ4_NL", "IQ4_NL"),
    FileType(26, "IQ3_S", "IQ3_S"),
    FileType(27, "IQ3_M", "IQ3_S"),
    FileType(28, "IQ2_S", "IQ2_XS"),
    FileType(29, "IQ2_M", "IQ2_S"),
    FileType(30, "IQ4_XS", "IQ4_XS"),
    FileType(31, "IQ1_M", "IQ1_M"),
    FileType(32, "BF16", "BF16"),
    FileType(36, "TQ1_0", "TQ1_0"),
    FileType(37, "TQ2_0", "TQ2_0"),
    FileType(38, "MXFP4_MOE", "MXFP4"),
    FileType(39, "NVFP4", "NVFP4"),
    FileType(40, "Q1_0", "Q1_0"),
    FileType(41, "Q2_0", "Q2_0"),
)

FILE_TYPES: Mapping[int, FileType] = {kind.id: kind for kind in _FILE_TYPES}
GUESSED_FLAG = 1024  # LLAMA_FTYPE_GUESSED: the engine's own guess, not written by a quantizer

# tensor_type_fallback: what a row that is no multiple of 256 weights is quantized to instead.
_FALLBACK: Mapping[str, str] = {
    **dict.fromkeys(("IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ4_XS"), "IQ4_NL"),
    **dict.fromkeys(("Q2_0", "Q2_K", "Q3_K", "TQ1_0", "TQ2_0"), "Q4_0"),
    "Q4_K": "Q5_0",
    "Q5_K": "Q5_1",
    "Q6_K": "Q8_0",
}


# llama_tensor_get_type gives attn_qkv, attn_output and ffn_down of these mixes more bits. In models that fuse q, k and
# v and have no gate (Phi-3's is fused too) those outweigh the rest. IQ3_XS has more IQ3_XXS than IQ3_S, and mixes made
# by hand (Unsloth's dynamic ones) put neighbouring i-quants side by side.
_OUTWEIGHED = frozenset((("Q3_K", "Q4_K"), ("Q3_K", "Q5_K"), ("Q2_K", "Q3_K")))
_LEAST_SHARE = 0.25  # of the weights that the declared type then has at least


def type_name(type_id: int) -> str:
    """The name of a tensor type id, also of removed ids and other programs'; ``type 200`` for one nobody has."""
    known = TENSOR_TYPES.get(type_id)
    return known.name if known else REMOVED_TYPES.get(type_id) or OTHER_TYPES.get(type_id, f"type {type_id}")


WeightRole = Literal["layer", "end", "other"]


@dataclass(frozen=True)
class WeightShare:
    """Weights of one type in one role: ``layer`` (blk.*), ``end`` (token embedding, output) or ``other``.

    ``matrix`` tells tensors of two or more dimensions, which quantizers quantize, from the small rest.
    """

    role: WeightRole
    type: str
    matrix: bool
    elements: int


def weight_role(tensor_name: str) -> WeightRole:
    """The role of a tensor by its name (llama.cpp src/llama-arch.cpp, LLM_TENSOR_NAMES)."""
    if tensor_name.startswith("blk."):
        return "layer"
    return "end" if tensor_name in ("token_embd.weight", "output.weight") else "other"


def dominant_type(shares: Iterable[WeightShare]) -> str:
    """The type that holds most weights of the matrices; "" when there are no weights.

    Embedding and output are left out where other matrices exist: quantizers give them a type of their own.
    """
    counted = _weights_by_type(shares)
    return max(counted, key=lambda kind: counted[kind]) if counted else ""


def _weights_by_type(shares: Iterable[WeightShare]) -> Counter[str]:
    matrices: Counter[str] = Counter()
    everything: Counter[str] = Counter()
    for share in shares:
        everything[share.type] += share.elements
        if share.matrix and share.role != "end":
            matrices[share.type] += share.elements
    return matrices or everything


def agrees(file_type: int, shares: Iterable[WeightShare]) -> bool:
    """Whether a ``general.file_type`` can be true of a file with these weights.

    Most of them are of its type or of what stands in for it, or it is one of the mixes in which others may outweigh it.
    """
    declared = FILE_TYPES.get(file_type & ~GUESSED_FLAG)
    counted = _weights_by_type(shares)
    if declared is None or not counted:
        return False
    dominant = max(counted, key=lambda kind: counted[kind])
    if dominant in (declared.base, _FALLBACK.get(declared.base)):
        return True
    mixed = (declared.base, dominant) in _OUTWEIGHED or (declared.base[:2] == dominant[:2] == "IQ")
    return mixed and counted[declared.base] >= _LEAST_SHARE * counted.total()


def stood_in_for(file_type: int, shares: Iterable[WeightShare]) -> str:
    """The type that most weights have in the place of the file type's own; "" where they are of that, or of a mix in
    which others may outweigh it. Rows that are no multiple of 256 weights are quantized to another type."""
    weights = list(shares)
    dominant, base = dominant_type(weights), FILE_TYPES[file_type].base
    if dominant == base or (agrees(file_type, weights) and dominant != _FALLBACK.get(base)):
        return ""
    return dominant


def quantization_label(shares: Iterable[WeightShare], file_type: int | None = None) -> str:
    """The name people know a file's quantization by, such as ``Q4_K_M``; "" for a file without weights.

    ``general.file_type`` decides between the mixes of one type (S, M, L) when the tensors bear it out;
    otherwise the types do: a mix is told by the larger type it gives to some of the layers' matrices
    (llama-quant.cpp, llama_tensor_get_type).
    """
    weights = list(shares)
    dominant = dominant_type(weights)
    if file_type is not None and agrees(file_type, weights):
        return FILE_TYPES[file_type & ~GUESSED_FLAG].label
    used = {share.type for share in weights if share.role == "layer" and share.matrix}
    match dominant:
        case "Q3_K" if "Q4_K" in used:
            return "Q3_K_M"
        case "Q3_K":
            return "Q3_K_L" if "Q5_K" in used else "Q3_K_S"
        case "Q4_K" | "Q5_K":
            return f"{dominant}_M" if "Q6_K" in used else f"{dominant}_S"
    return dominant


_FAR = 1.25  # bits per weight of a file over those its name says, or the other way round: the name is wrong


def contradicted(label: str, shares: Iterable[WeightShare]) -> str:
    """The type most weights have where that cannot be what a name's label says; "" where the label may be true.

    Mixes give layers bits of their own, so a label is only wrong where the bits per weight are far from its own.
    """
    weights = list(shares)
    told, dominant = TYPES_BY_NAME.get(_main_type(label)), dominant_type(weights)
    found = TYPES_BY_NAME.get(dominant)
    if told is None or not dominant or told.name == dominant:
        return ""
    if found is None:
        return dominant
    if dominant == _FALLBACK.get(told.name):
        return ""
    counted = {kind: count for kind, count in _weights_by_type(weights).items() if kind in TYPES_BY_NAME}
    bits = sum(TYPES_BY_NAME[kind].bits_per_weight * count for kind, count in counted.items()) / sum(counted.values())
    return dominant if max(bits / told.bits_per_weight, told.bits_per_weight / bits) > _FAR else ""


def main_type(label: str) -> str:
    """The tensor type most weights of a quantization have by its name: Q4_K for Q4_K_M; Q4_K for an unknown name."""
    return _main_type(label) or "Q4_K"


@cache
def _main_type(label: str) -> str:
    bare = label.upper().removeprefix("UD-").removeprefix("I1-")
    for file_type in FILE_TYPES.values():
        if file_type.label == bare:
            return file_type.base
    bases = sorted({file_type.base for file_type in FILE_TYPES.values()}, key=len, reverse=True)
    return next((base for base in bases if bare.startswith(base)), "")
