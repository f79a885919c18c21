"""Names seen on the Hub, and the sets they make."""

from __future__ import annotations

from pathlib import PurePosixPath as P

import pytest

from desktop.core.naming import (
    base_name,
    is_model_file,
    join_shards,
    label,
    role,
    shard,
    stem,
)
from desktop.core.units import human_bytes, human_parameters


@pytest.mark.parametrize(
    ("name", "quantization", "base"),
    [
        ("SmolLM2-135M-Instruct.Q4_1.gguf", "Q4_1", "SmolLM2-135M-Instruct"),
        ("gemma-3-4b-it-qat-UD-Q4_K_XL.gguf", "UD-Q4_K_XL", "gemma-3-4b-it-qat"),
        ("Kimi-K2-Instruct-UD-IQ3_XXS-00001-of-00009.gguf", "UD-IQ3_XXS", "Kimi-K2-Instruct"),
        ("L3.i1-Q4_K_M.gguf.part1of2", "i1-Q4_K_M", "L3"),
        ("gpt-oss-20b-MXFP4_MOE.gguf", "MXFP4_MOE", "gpt-oss-20b"),
        ("gpt-oss-20b-mxfp4.gguf", "mxfp4", "gpt-oss-20b"),
        ("Llama-3.2-1B-BF16-Q8_0.gguf", "Q8_0", "Llama-3.2-1B-BF16"),
        ("Phi-4-Q3_K_XL.gguf", "Q3_K_XL", "Phi-4"),
        ("Qwen3-8B-Q4_0_4_8.gguf", "Q4_0_4_8", "Qwen3-8B"),
        ("TriLM-TQ2_0.gguf", "TQ2_0", "TriLM"),
        ("mmproj-gemma-3-4b-it-f16.gguf", "f16", "gemma-3-4b-it"),
        ("mmproj-F16.gguf", "F16", ""),
        ("Q4_K_M.gguf", "Q4_K_M", "Q4_K_M"),
        ("model.gguf", "", "model"),
        ("IQ-test-7B.gguf", "", "IQ-test-7B"),
        ("devstralQ4_K_M.gguf", "Q4_K_M", "devstral"),
        ("Phi-3-mini-4k-instruct-q4.gguf", "q4", "Phi-3-mini-4k-instruct"),
        ("Phi-3-medium.f16.q6.gguf", "q6", "Phi-3-medium.f16"),
        ("Qwen3-30B-A3B-smol-IQ4_KSS.gguf", "IQ4_KSS", "Qwen3-30B-A3B-smol"),
        ("Qwen3-30B-A3B-MTP-Q4_K_M.gguf", "Q4_K_M", "Qwen3-30B-A3B-MTP"),
        ("ggml-model-i2_s.gguf", "i2_s", "ggml-model"),
    ],
)
def test_labels_and_base_names(name: str, quantization: str, base: str) -> None:
    assert (label(name), base_name(name)) == (quantization, base)


def test_shards() -> None:
    found = shard("x-00002-of-00009.gguf")
    assert found is not None and (found.stem, found.number, found.count, found.concatenated) == ("x", 2, 9, False)
    part = shard("x.i1-Q4_K_M.gguf.part2of3")
    assert part is not None and (part.stem, part.number, part.count, part.concatenated) == ("x.i1-Q4_K_M", 2, 3, True)
    assert shard("x-00010-of-00009.gguf") is None
    assert shard("x-1-of-2.gguf") is None
    four = shard("x-0002-of-0004.gguf")
    assert four is not None and (four.stem, four.number, four.count, four.digits) == ("x", 2, 4, 4)
    for name, number in (("a", 1), ("c", 3), ("ab", 2), ("02", 2)):
        piece = shard(f"x.Q6_K.gguf-split-{name}")
        assert piece is not None and (piece.stem, piece.number, piece.count) == ("x.Q6_K", number, 0)
    assert stem("x.Q6_K.gguf.part-aa") == stem("x.Q6_K.gguf.001") == stem("x.Q6_K.gguf_part1") == "x.Q6_K"
    for name in ("x.gguf-split", "x-split-a.gguf", "x.gguf.bak", "x.gguf.partial"):
        assert (found := shard(name)) is None or not found.concatenated
    assert stem("x-00010-of-00009.gguf") == "x-00010-of-00009"
    assert is_model_file("A.GGUF") and is_model_file("a.gguf.part1of2") and not is_model_file("a.gguf.incomplete")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mmproj-F16.gguf", "mmproj"),
        ("gemma-3-mmproj-BF16.gguf", "mmproj"),
        ("imatrix_unsloth.gguf", "imatrix"),
        ("mtp-Qwen3.gguf", "draft"),
        ("eagle3-LLaMA.gguf", "draft"),
        ("Qwen3-0.6B-draft-Q8_0.gguf", "draft"),
        ("Qwen3-0.6B-Q8_0.gguf", "model"),
        ("Qwen3.6-35B-A3B-MTP-Q4_K_M.gguf", "model"),
        ("dflash-Qwen3-8B.gguf", "draft"),
        ("L3-8B-imatrix-Q4_K_M.gguf", "model"),
        ("L3-8B-BF16.imatrix.gguf", "imatrix"),
    ],
)
def test_roles(name: str, expected: str) -> None:
    assert role(name) == expected


def test_shards_of_one_folder_and_stem_are_joined() -> None:
    paths = [
        P("UD-Q2/K-00002-of-00002.gguf"),
        P("UD-Q4/K-00001-of-00003.gguf"),
        P("UD-Q2/K-00001-of-00002.gguf"),
        P("single.gguf"),
        P("UD-Q4/K-00003-of-00003.gguf"),
    ]
    assert join_shards(paths) == [
        ((paths[2], paths[0]), 0),
        ((paths[1], paths[4]), 1),
        ((paths[3],), 0),
    ]


def test_figures_as_people_write_them() -> None:
    assert [human_parameters(n) for n in (999, 134_515_008, 999_600_000, 8_190_000_000, 671_000_000_000)] == [
        "999",
        "135 M",
        "1 B",
        "8.19 B",
        "671 B",
    ]
    assert [human_bytes(n) for n in (0, 98_362_432, 4_680_000_000)] == ["0 B", "98.4 MB", "4.7 GB"]
