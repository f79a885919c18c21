"""Strangers' text in text fields."""

from __future__ import annotations

from desktop.core.readable import readable
from desktop.core.shown import ALL_CHARACTERS, LINE_CHARACTERS, WORD_CHARACTERS, plain, shown


def test_every_character_is_visible_in_its_place() -> None:
    text = "a\tb\n\x1b[31m\x00\x7f\x9b \u202egpj\u2066\u2069 \ud83d \u05d0\u200f\U0001f600"
    found = plain(text)
    assert found == "a\tb\n\u241b[31m\u2400\u2421\ufffd \ufffdgpj\ufffd\ufffd \ufffd \u05d0\u200f\U0001f600"
    assert len(found) == len(text)
    assert plain(same := "plain text") is same


def test_what_is_too_long_is_told() -> None:
    assert shown("short\r\nlines\n") == "short\nlines\n"
    word = shown("x" * (WORD_CHARACTERS + 7) + " and more")
    assert word.endswith("x … 7 more characters without a space and more")
    line = shown("ab " * LINE_CHARACTERS + "\nnext")
    assert line.endswith(f" … {2 * LINE_CHARACTERS:,} more characters in this line\nnext")
    whole = shown("line\n" * ALL_CHARACTERS)
    assert whole.endswith(f"… {4 * ALL_CHARACTERS:,} more characters")
    assert len(shown("x" * 10_000_000)) < 2 * WORD_CHARACTERS


def test_readable() -> None:
    assert readable("mod\udcff \U0001f600") == "mod\ufffd \U0001f600"
