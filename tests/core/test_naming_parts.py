"""Names explained part by part, on names seen on the Hub."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from desktop.services.discover.tables import DataTables

NAMES = DataTables().names


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        (
            "Llama-3.3-70B-Instruct-AWQ-INT4-GGUF",
            "Llama=family 3.3=version 70B=size Instruct=tuning AWQ=quantization INT4=quantization GGUF=format",
        ),
        (
            "unsloth/Qwen3-30B-A3B-Thinking-2507-GGUF",
            "unsloth=author Qwen=family 3=version 30B=size A3B=active Thinking=tuning 2507=date GGUF=format",
        ),
        (
            "DeepSeek-R1-0528-Qwen3-8B-UD-Q4_K_XL.gguf",
            "DeepSeek=family R1=version 0528=date Qwen=family 3=version 8B=size UD-Q4_K_XL=quantization gguf=format",
        ),
        (
            "google/gemma-3-4b-it-qat-q4_0-gguf",
            "google=author gemma=family 3=version 4b=size it=tuning qat=tuning q4_0=quantization gguf=format",
        ),
        ("gemma-3n-E4B-it", "gemma=family 3n=version E4B=size it=tuning"),
        ("Mixtral-8x7B-Instruct-v0.1", "Mixtral=family 8x7B=size Instruct=tuning v0.1=version"),
        ("c4ai-command-r-08-2024", "c4ai-command-r=family 08-2024=date"),
        (
            "Meta-Llama-3.1-8B-Instruct-abliterated",
            "Meta-Llama=family 3.1=version 8B=size Instruct=tuning abliterated=tuning",
        ),
        ("DeepSeek-R1-Distill-Qwen-7B", "DeepSeek=family R1=version Distill=tuning Qwen=family 7B=size"),
        (
            "Kimi-K2-Instruct-UD-IQ3_XXS-00001-of-00009.gguf",
            "Kimi=family K2=version Instruct=tuning UD-IQ3_XXS=quantization 00001-of-00009.gguf=shard",
        ),
        ("L3.i1-Q4_K_M.gguf.part1of2", "L3=name i1-Q4_K_M=quantization gguf.part1of2=shard"),
        ("gpt-oss-20b-MXFP4_MOE.gguf", "gpt-oss=family 20b=size MXFP4_MOE=quantization gguf=format"),
        (
            "Qwen2.5-Coder-32B-Instruct-128K",
            "Qwen=family 2.5=version Coder=tuning 32B=size Instruct=tuning 128K=context",
        ),
        ("My-Own-Thing-8B", "My-Own-Thing=name 8B=size"),
        ("", ""),
    ],
)
def test_parts(name: str, parts: str) -> None:
    assert " ".join(f"{part.text}={part.kind}" for part in NAMES.explain(name)) == parts


def test_sentences() -> None:
    words = {part.text: part.words for part in NAMES.explain("Qwen3-30B-A3B-Instruct-2507-UD-Q4_K_XL")}
    assert words["30B"] == "30 billion weights (parameters)."
    assert words["A3B"].startswith("Only 3 billion of the weights work on each token")
    assert words["2507"] == "Of July 2025."
    assert words["UD-Q4_K_XL"].startswith("Unsloth dynamic: ")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
@example("\n")
@example("Qwen3\n")
@example("/")
def test_any_name_is_explained_in_order(name: str) -> None:
    found = NAMES.explain(name)
    position = 0
    for part in found:
        assert part.text and part.words and part.title
        position = name.index(part.text, position) + len(part.text)
