"""Text of a model is shown, never obeyed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.core.markdown import Block, Paragraph, judge_link, parse, plain_text
from desktop.core.text import chat_text


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


@given(st.text(max_size=200))
def test_no_text_can_break_the_parser(text: str) -> None:
    shown = "".join(plain_text(b) for b in parse(text))
    assert chat_text(shown) == shown


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
