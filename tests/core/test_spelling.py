"""Near names for what was not found: mistyped words are mended, known ones are left alone, nothing is invented."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.core.spelling import MOST_OFFERED, near, words_of

KNOWN = words_of(
    ["Qwen3-Coder-30B", "meta-llama/Llama-3.1-8B-Instruct", "gemma-3-4b-it", "Mistral-Small", "DeepSeek-R1", "phi-4",
     "SmolLM2", "Mixtral-8x7B"]
)  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("qwem 30", "qwen 30"),
        ("Qwem3-30B", "qwen3-30B"),
        ("lama 3", "llama 3"),
        ("gema-3 4b", "gemma-3 4b"),
        ("mistal smal", "mistral smal"),
        ("deepsek r1", "deepseek r1"),
        ("phy 4", "phi 4"),
        ("smolm", "smollm"),
        ("qwen xyzzyplugh", "qwen"),
        ("qwen3 coder", "qwen 3 coder"),
        ("qwen 999b", "qwen"),
    ],
)
def test_what_may_have_been_meant(typed: str, meant: str) -> None:
    assert near(typed, KNOWN)[0] == meant


@pytest.mark.parametrize("typed", ["", "30", "zzzzzz", "qwen", "…"])
def test_where_nothing_is_near_nothing_is_offered(typed: str) -> None:
    assert near(typed, KNOWN) == ()


def test_several_are_offered_where_several_are_near() -> None:
    assert set(near("mixtrel", KNOWN)) == {"mixtral", "mistral"}


@given(st.text(max_size=60))
def test_any_text_gives_other_texts(typed: str) -> None:
    found = near(typed, KNOWN)
    assert len(found) <= MOST_OFFERED and len(set(found)) == len(found)
    assert all(offer.strip() and offer.casefold() != " ".join(typed.split()).casefold() for offer in found)
