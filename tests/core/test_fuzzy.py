"""Titles are found by some of their letters; the closest first, equally close ones in their order."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.core.fuzzy import Titles, fold, matched

MODELS = (
    "Qwen3-8B-Instruct-Q4_K_M",
    "Qwen2.5-Coder-7B",
    "gemma-3-4b-it",
    "TinyLlama-1.1B-Chat",
    "Llama-3.1-8B-Instruct",
    "SmolLM2-135M",
    "Größe einer Übung",
)


def found(query: str, titles: tuple[str, ...] = MODELS, limit: int = 10) -> list[str]:
    return [titles[match.index] for match in Titles(titles).search(query, limit)]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("qwen3", "Qwen3-8B-Instruct-Q4_K_M"),
        ("q38", "Qwen3-8B-Instruct-Q4_K_M"),
        ("gem it", "gemma-3-4b-it"),
        ("it gem", "gemma-3-4b-it"),
        ("llama", "Llama-3.1-8B-Instruct"),  # at its beginning, so before TinyLlama
        ("coder", "Qwen2.5-Coder-7B"),
        ("8b inst qw", "Qwen3-8B-Instruct-Q4_K_M"),
        ("cdr", "Qwen2.5-Coder-7B"),
        ("q4_k_m", "Qwen3-8B-Instruct-Q4_K_M"),
        ("lm2", "SmolLM2-135M"),
        ("grosse", ""),
        ("gro ub", "Größe einer Übung"),
        ("ÜBUNG", "Größe einer Übung"),
    ],
)
def test_the_closest_title_is_first(query: str, first: str) -> None:
    assert (found(query) or [""])[0] == first


def test_closer_ways_come_first_and_equal_ones_keep_their_order() -> None:
    titles = ("my chat", "a chart", "chat", "the chat", "c h a t", "chapter two", "achat")
    assert found("chat", titles) == ["chat", "my chat", "the chat", "achat", "c h a t", "a chart", "chapter two"]
    assert found("a", ("b a", "xa", "a1", "a2", "c a")) == ["a1", "a2", "b a", "c a", "xa"]


def test_nothing_is_found_by_letters_scattered_over_words() -> None:
    assert found("qwen", ("what sea recipe france is quantum", "queen when")) == []


def test_no_more_than_asked_for_and_the_first_ones_for_nothing() -> None:
    titles = tuple(f"model {n}" for n in range(100))
    assert found("mod", titles, 7) == list(titles[:7])
    assert found("", titles, 3) == found("  ", titles, 3) == list(titles[:3])
    assert found("\u0301", titles, 3) == list(titles[:3])  # an accent alone
    assert found("x", (), 5) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy computer
@given(st.lists(st.text(max_size=30), max_size=20), st.text(max_size=12))
def test_any_text_is_searched_and_what_holds_the_query_is_found(titles: list[str], query: str) -> None:
    matches = Titles(titles).search(query, 50)
    indexes = [match.index for match in matches]
    assert len(set(indexes)) == len(indexes)
    assert all(0 <= index < len(titles) for index in indexes)
    assert [match.rank for match in matches] == sorted(match.rank for match in matches)
    words = [fold(word) for word in query.replace("\x01", " ").split()]
    for index, title in enumerate(titles):
        text = fold(title.replace("\n", " ").replace("\x01", " "))
        if words and all(word in text for word in words):
            assert index in indexes
    for title in titles:
        stretches = matched(title, query)
        assert all(0 <= start < end <= len(title) for start, end in stretches)
        assert all(one[1] < two[0] for one, two in pairwise(stretches))


@pytest.mark.parametrize(
    ("title", "query", "shown"),
    [
        ("Qwen3-8B-Instruct", "q38", "Q38"),
        ("gemma-3-4b-it", "gem it", "gemit"),
        ("Größe", "gro", "Grö"),
        ("Show in folder", "fold", "fold"),
        ("a model of a mode", "mode", "mode"),
        ("nothing", "xyz", ""),
    ],
)
def test_what_was_typed_is_marked(title: str, query: str, shown: str) -> None:
    assert "".join(title[start:end] for start, end in matched(title, query)) == shown
