"""Tables of types beside those of the installed engine and of gguf-py, and the label of a file."""

from __future__ import annotations

import ctypes
import importlib.util
from pathlib import Path

import pytest

from desktop.core.quants import (
    FILE_TYPES,
    REMOVED_TYPES,
    TENSOR_TYPES,
    TYPES_BY_NAME,
    WeightShare,
    agrees,
    dominant_type,
    quantization_label,
    type_name,
    weight_role,
)


def _ggml() -> ctypes.CDLL:
    spec = importlib.util.find_spec("llama_cpp")
    assert spec is not None and spec.origin is not None
    folder = Path(spec.origin).parent / "lib"
    library = ctypes.CDLL(str(next(folder.glob("*ggml-base.*"))))
    library.ggml_blck_size.restype = ctypes.c_int64
    library.ggml_type_size.restype = ctypes.c_size_t
    library.ggml_type_name.restype = ctypes.c_char_p
    return library


def test_types_are_those_of_the_engine() -> None:
    ggml = _ggml()
    for kind in TENSOR_TYPES.values():
        assert ggml.ggml_type_name(kind.id).decode().lower() == kind.name.lower()
        assert (ggml.ggml_blck_size(kind.id), ggml.ggml_type_size(kind.id)) == (kind.block, kind.block_bytes), kind
    newest = max(TENSOR_TYPES)
    assert {*TENSOR_TYPES, *REMOVED_TYPES} == set(range(newest + 1))
    assert [ggml.ggml_blck_size(kind) for kind in REMOVED_TYPES] == [0] * len(REMOVED_TYPES)


def test_types_are_those_of_gguf_py_but_for_its_known_faults() -> None:
    from gguf.constants import GGML_QUANT_SIZES

    for kind, sizes in GGML_QUANT_SIZES.items():
        if kind.name != "Q8_1":  # gguf 0.19.0 says 40 bytes, ggml has 36
            assert (TYPES_BY_NAME[kind.name].block, TYPES_BY_NAME[kind.name].block_bytes) == sizes
            assert TYPES_BY_NAME[kind.name].id == kind


def test_file_types_name_known_types() -> None:
    from gguf.constants import LlamaFileType

    assert {kind.base for kind in FILE_TYPES.values()} <= set(TYPES_BY_NAME)
    theirs = {int(kind): kind.name.removeprefix("MOSTLY_").removeprefix("ALL_") for kind in LlamaFileType}
    for number, kind in FILE_TYPES.items():
        if number in theirs:
            assert kind.label == theirs[number]


def test_sizes_and_names() -> None:
    assert TYPES_BY_NAME["Q4_K"].bits_per_weight == 4.5
    assert TYPES_BY_NAME["Q4_K"].size(256 * 10) == 1440
    assert type_name(12) == "Q4_K" and type_name(31) == "Q4_0_4_4" and type_name(200) == "type 200"
    assert [weight_role(n) for n in ("blk.0.ffn_up.weight", "output.weight", "rope_freqs.weight")] == [
        "layer",
        "end",
        "other",
    ]


def _shares(*layers: tuple[str, int]) -> list[WeightShare]:
    ends = [WeightShare("end", "Q8_0", True, 10_000)]
    return [*ends, WeightShare("layer", "F32", False, 5), *(WeightShare("layer", t, True, n) for t, n in layers)]


@pytest.mark.parametrize(
    ("layers", "file_type", "label"),
    [
        ([("Q4_K", 80), ("Q6_K", 20)], 15, "Q4_K_M"),
        ([("Q4_K", 80), ("Q5_K", 20)], 14, "Q4_K_S"),
        ([("Q4_K", 80), ("Q6_K", 20)], None, "Q4_K_M"),
        ([("Q4_K", 80), ("Q5_K", 20)], None, "Q4_K_S"),
        ([("Q4_K", 80), ("Q6_K", 20)], 7, "Q4_K_M"),  # the declared type is untrue
        ([("Q5_K", 80), ("Q6_K", 20)], None, "Q5_K_M"),
        ([("Q3_K", 80), ("Q4_K", 20), ("Q5_K", 2)], None, "Q3_K_M"),
        ([("Q3_K", 80), ("Q5_K", 20)], None, "Q3_K_L"),
        ([("Q3_K", 80)], 11, "Q3_K_S"),
        ([("Q5_0", 80), ("Q8_0", 20)], 15, "Q4_K_M"),  # rows that are no multiple of 256 fall back to Q5_0
        ([("IQ2_XS", 80)], 28, "IQ2_S"),
        ([("IQ3_S", 80), ("Q4_K", 5)], 27, "IQ3_M"),
        ([("MXFP4", 80), ("Q8_0", 20)], 38, "MXFP4_MOE"),
        ([("MXFP4", 80), ("Q8_0", 20)], None, "MXFP4"),
        ([("BF16", 80)], 32, "BF16"),
        ([("Q4_K", 80), ("Q6_K", 20)], 15 | 1024, "Q4_K_M"),
        ([("type 200", 80)], 15, "type 200"),
    ],
)
def test_label_comes_from_the_tensors(layers: list[tuple[str, int]], file_type: int | None, label: str) -> None:
    assert quantization_label(_shares(*layers), file_type) == label


def test_label_without_layers() -> None:
    assert quantization_label([], 15) == ""
    assert dominant_type([WeightShare("other", "F16", False, 3), WeightShare("end", "F32", True, 9)]) == "F32"
    assert not agrees(999, _shares(("Q4_K", 1))) and not agrees(15, [])


# Weights of one layer's matrices, in units of the width squared, as llama-quantize makes them.
MIXES: dict[str, tuple[int, list[tuple[str, float]], bool]] = {
    "IQ3_XS of Llama 3 8B": (22, [("IQ3_XXS", 109.1), ("IQ3_S", 104.9), ("Q4_K", 4.2)], True),
    "Q3_K_M of Phi-3 mini": (12, [("Q3_K", 50.3), ("Q4_K", 62.9)], True),
    "Q3_K_L of GPT-NeoX": (13, [("Q3_K", 4), ("Q4_K", 3), ("Q5_K", 5)], True),
    "Q3_K_M of GPT-NeoX": (12, [("Q3_K", 4), ("Q4_K", 8)], True),
    "Q4_K_M of Llama 3 8B": (15, [("Q4_K", 186.6), ("Q6_K", 31.5)], True),
    "Q4_K_M called Q3_K_M": (12, [("Q4_K", 186.6), ("Q6_K", 31.5)], False),
    "Q4_K_M called Q6_K": (18, [("Q4_K", 186.6), ("Q6_K", 31.5)], False),
    "Q3_K_M called Q4_K_M": (15, [("Q3_K", 138), ("Q4_K", 80)], False),
    "Q3_K_M called Q2_K": (10, [("Q3_K", 138), ("Q4_K", 80)], False),
    "IQ2_XXS called IQ3_S": (26, [("IQ2_XXS", 180), ("IQ3_S", 20)], False),
}


@pytest.mark.parametrize("name", MIXES)
def test_a_file_type_is_held_against_all_weights(name: str) -> None:
    file_type, layers, true = MIXES[name]
    assert agrees(file_type, _shares(*((kind, round(weights * 10)) for kind, weights in layers))) is true
