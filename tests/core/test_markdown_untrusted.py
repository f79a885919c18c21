"""Text of a model is shown, never obeyed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.core.markdown import Block, Paragraph, judge_link, parse, plain_text, visible
from desktop.core.markdown.clean import Cleaner


def links(found: tuple[Block, ...]) -> list[str]:
    return [run.link for b in found if isinstance(b, Paragraph) for run in b.runs if run.link]


def test_html_is_text() -> None:
    text = '<script>alert(1)</script> <img src="https://example.org/x.png" onerror="x">'
    (block,) = parse(text)
    assert plain_text(block) == text
    assert links((block,)) == []


def test_an_image_is_its_words_and_an_address() -> None:
    (block,) = parse("![the *chart*](https://example.org/c.png)")
    assert plain_text(block) == "the chart"
    assert links((block,)) == ["https://example.org/c.png"]


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd"])
def test_dangerous_addresses_never_become_links(address: str) -> None:
    assert links(parse(f"[click]({address})")) == []


def test_overrides_and_controls_become_visible() -> None:
    assert visible("a\u202eb\u2066c\u2069") == "a[U+202E]b[U+2066]c[U+2069]"
    assert visible("\x1b[31mred\x00\x7f\x85") == "\u241b[31mred\u2400\u2421\ufffd"
    assert visible("one\r\ntwo\rthree\u2028four") == "one\ntwo\nthree\nfour"
    assert visible("\ud83d half") == "\ufffd half"
    assert visible("a family \U0001f468\u200d\U0001f469 and שלום") == "a family \U0001f468\u200d\U0001f469 and שלום"


@given(st.text(alphabet="a\r\n\x1b\u202e", max_size=30), st.integers(0, 30))
def test_cleaning_in_pieces_is_cleaning_the_whole(text: str, cut: int) -> None:
    cleaner = Cleaner()
    assert cleaner.feed(text[:cut]) + cleaner.feed("") + cleaner.feed(text[cut:]) == visible(text)


@given(st.text(max_size=200))
def test_no_text_can_break_the_parser(text: str) -> None:
    shown = "".join(plain_text(b) for b in parse(text))
    assert visible(shown) == shown


@pytest.mark.parametrize("address", ["https://example.org/a?b=c#d", "http://example.org", "mailto:a@example.org"])
def test_addresses_that_can_be_opened(address: str) -> None:
    verdict = judge_link(address)
    assert verdict.openable
    assert verdict.address == address


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("javascript:alert(1)", "javascript:"),
        ("file:///etc/passwd", "file:"),
        ("ftp://example.org", "ftp:"),
        ("/etc/passwd", "no site"),
        ("https://", "no site"),
        ("mailto:", "recipient"),
        ("https://bank.example@evil.example/", "evil.example"),
        ("https://example.org/\u202egpj.exe", "hidden"),
        ("https://example.org/%E2%80%AEgpj.exe", "hidden"),
        ("http://[::1", "valid"),
    ],
)
def test_addresses_that_stay_closed_say_why(address: str, word: str) -> None:
    verdict = judge_link(address)
    assert not verdict.openable
    assert word in verdict.reason
