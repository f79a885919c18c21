"""The room for strangers' text: the same hostile strings through every function of it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import desktop
from desktop.core import text as room
from desktop.core.text import (
    ALL_CHARACTERS,
    LINE,
    LINE_CHARACTERS,
    WORD_CHARACTERS,
    ChatTextStream,
    bounded,
    chat_text,
    encodable,
    file_name,
    one_line,
    plain_tooltip,
    token_piece,
    visible_in_place,
)
from desktop.core.text.visible import BIDI, CONTROLS, EMBEDDED_OBJECT, PICTURES, SEPARATORS, SURROGATES, SUSPECT

# hostile, in place, in the chat, on one line, encodable, as a file's name
TABLE = [
    ("plain text", "plain text", "plain text", "plain text", "plain text", "plain text.md"),
    ("a\tb\nc", "a\tb\nc", "a\tb\nc", "a⇥b⏎c", "a\tb\nc", "a b c.md"),
    ("a\r\nb\rc", "a\u240d\nb\u240dc", "a\nb\nc", "a␍⏎b␍c", "a\r\nb\rc", "a b c.md"),
    ("\x1b[31mred", "\u241b[31mred", "\u241b[31mred", "\ufffd[31mred", "\x1b[31mred", "[31mred.md"),
    ("\x9b2J\x85", "\ufffd2J\ufffd", "\ufffd2J\ufffd", "\ufffd2J\ufffd", "\x9b2J\x85", "2J.md"),
    ("nul\x00\x7f", "nul\u2400\u2421", "nul\u2400\u2421", "nul\ufffd\ufffd", "nul\x00\x7f", "nul.md"),
    ("\u202egpj.exe", "\ufffdgpj.exe", "[U+202E]gpj.exe", "\ufffdgpj.exe", "\u202egpj.exe", "gpj.exe.md"),
    ("a\u2066b\u2069", "a\ufffdb\ufffd", "a[U+2066]b[U+2069]", "a\ufffdb\ufffd", "a\u2066b\u2069", "a b.md"),
    ("one\u2028two", "one\u2424two", "one\ntwo", "one\ufffdtwo", "one\u2028two", "one two.md"),
    ("half \ud83d", "half \ufffd", "half \ufffd", "half \ufffd", "half \ufffd", "half \ufffd.md"),
    ("byte \udcff", "byte \ufffd", "byte \ufffd", "byte \ufffd", "byte \ufffd", "byte \ufffd.md"),
    ("an \ufffc object", "an \ufffd object", "an \ufffd object", "an \ufffc object", "an \ufffc object",
     "an \ufffc object.md"),
    ("שלום \u200f\U0001f600", "שלום \u200f\U0001f600", "שלום \u200f\U0001f600", "שלום \ufffd\U0001f600",
     "שלום \u200f\U0001f600", "שלום \u200f\U0001f600.md"),
    ("../../.ssh/id", "../../.ssh/id", "../../.ssh/id", "../../.ssh/id", "../../.ssh/id", "ssh id.md"),
    ('<img src="x">', '<img src="x">', '<img src="x">', '<img src="x">', '<img src="x">', "img src= x.md"),
    ("", "", "", "", "", "Chat.md"),
]  # fmt: skip

TEXTS = st.text(st.characters() | st.sampled_from("\r\n\x00\x1b\x9b\u202e\u2066\u2028\ufffc"), max_size=60)
SHOWN: list[Callable[[str], str]] = [visible_in_place, bounded, plain_tooltip, chat_text, one_line]


@pytest.mark.parametrize(("hostile", "in_place", "in_chat", "line", "kept", "name"), TABLE, ids=repr)
def test_each_function_has_one_meaning(
    hostile: str, in_place: str, in_chat: str, line: str, kept: str, name: str
) -> None:
    assert visible_in_place(hostile) == in_place and len(in_place) == len(hostile)
    assert chat_text(hostile) == in_chat
    assert one_line(hostile) == line
    assert encodable(hostile) == kept
    assert file_name(hostile, "md") == name
    assert bounded(hostile) == visible_in_place(hostile.replace("\r\n", "\n"))
    assert plain_tooltip(hostile) == (f"<qt>{escape(in_place)}</qt>".replace("\n", "<br>") if hostile else "")


def test_what_is_replaced_in_place_is_what_the_tables_name() -> None:
    named = {*PICTURES, *CONTROLS, *BIDI, *SEPARATORS, EMBEDDED_OBJECT, *SURROGATES}
    assert {code for code in range(0x110000) if SUSPECT.match(chr(code))} == named
    assert visible_in_place(same := "plain text") is same


@given(TEXTS)
def test_nothing_acts_on_a_screen_and_everything_can_be_encoded(text: str) -> None:
    for function in SHOWN:
        shown = function(text)
        assert SUSPECT.search(shown) is None, function
        assert function is plain_tooltip or function(shown) == shown, function
    encodable(text).encode()
    assert "\n" not in one_line(text)
    named = file_name(text, "md")
    assert not set('<>:"/\\|?*\x00\n') & set(named) and len(named.encode()) < 255 and not named.startswith(".")


@given(st.text(alphabet="a\r\n\x1b\u202e", max_size=30), st.integers(0, 30))
def test_cleaning_in_pieces_is_cleaning_the_whole(text: str, cut: int) -> None:
    stream = ChatTextStream()
    assert stream.feed(text[:cut]) + stream.feed("") + stream.feed(text[cut:]) == chat_text(text)


def test_what_is_too_long_is_told() -> None:
    assert bounded("short\r\nlines\n") == "short\nlines\n"
    word = bounded("x" * (WORD_CHARACTERS + 7) + " and more")
    assert word.endswith("x … 7 more characters without a space and more")
    line = bounded("ab " * LINE_CHARACTERS + "\nnext")
    assert line.endswith(f" … {2 * LINE_CHARACTERS:,} more characters in this line\nnext")
    whole = bounded("line\n" * ALL_CHARACTERS)
    assert whole.endswith(f"… {4 * ALL_CHARACTERS:,} more characters")
    assert len(bounded("x" * 10_000_000)) < 2 * WORD_CHARACTERS
    assert one_line("x" * LINE) == "x" * LINE
    assert one_line("x" * 10_000_000) == "x" * (LINE - 1) + "…" and one_line(12.5, 3) == "12…"
    assert len(file_name("ä" * 1000, "md").encode()) < 255


def test_the_bytes_of_a_token() -> None:
    assert token_piece(b" \n\t\r") == "␣⏎⇥␍"
    assert token_piece(b"\xe2\x80") == "⟨E2⟩⟨80⟩"
    assert token_piece("\u202e\u200b\x1b".encode()) == "⟨202E⟩⟨200B⟩⟨1B⟩"


def test_each_function_says_where_it_is_used() -> None:
    described = room.__doc__ or ""
    assert [name for name in room.__all__ if not name.isupper() and f"    {name} " not in described] == []


def _filters(source: str) -> Iterator[str]:
    """Ways to decide which characters may be shown, or to replace those that may not."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr == "isprintable":
            yield node.attr
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            controls = any(ord(c) < 0x20 and c not in "\t\n\r\f\0" for c in node.value)
            bidi = any(0x202A <= ord(c) <= 0x202E for c in node.value)
            if bidi or (controls and "[" in node.value and "\x1b[K" not in node.value):
                yield repr(node.value[:20])


def test_no_other_module_filters_text() -> None:
    package = Path(desktop.__file__).parent
    found = {
        path.relative_to(package).as_posix(): ways
        for path in package.rglob("*.py")
        if path.parent != package / "core" / "text" and (ways := list(_filters(path.read_text(encoding="utf-8"))))
    }
    assert found == {
        "cli/output.py": ["'\\x1b[2m'", "'\\x1b[22m'"],  # dims what a model thought
        "core/formats/not_models.py": ["isprintable"],  # whether a file is text at all
        "store/chats_search.py": ["isprintable"],  # what ends a word of a query
    }
