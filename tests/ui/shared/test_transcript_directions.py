"""Text that is read from right to left, and letters that no font has."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from support.widgets import shown

from desktop.core.text import scripts_of
from desktop.core.text.scripts import Script
from desktop.ui.shared.missing_fonts import MissingFonts
from desktop.ui.shared.transcript import TranscriptMessage, TranscriptView
from desktop.ui.shell.theme import Theme

HEBREW = "שלום עולם"


@pytest.fixture
def view(qtbot: QtBot, theme: Theme) -> TranscriptView:
    return shown(qtbot, TranscriptView(theme), 705, 500)


def inked(view: TranscriptView, text: str, role: str = "assistant") -> list[tuple[int, int]]:
    """First and last dark column of pixels, from the column's left edge, of each row of text."""
    view.set_messages([TranscriptMessage(1, role, text)])  # type: ignore[arg-type]
    QApplication.processEvents()
    image, item, found = view.viewport().grab().toImage(), view.column.items[0], []
    left, width = int(view.content_x), int(view.content_width)
    for row, top in zip(item.rows or [], item.tops, strict=True):
        if row.text:
            y = int(view.item_rect(0).top() + top)
            lines = range(y + 2, y + int(row.height) - 2)
            dark = [
                x for x in range(width) if any(image.pixelColor(left + x, line).lightness() < 140 for line in lines)
            ]
            found.append((dark[0], dark[-1]))
    return found


def test_a_paragraph_begins_on_the_right(view: TranscriptView) -> None:
    (first, last), (other, _) = inked(view, f"{HEBREW}\n\nHello")
    width = view.content_width
    assert first > width / 2 and last > width - 12
    assert other < 12


def test_lists_quotes_and_tables_are_mirrored(view: TranscriptView) -> None:
    width = view.content_width
    for text in (f"- {HEBREW}\n", f"> {HEBREW}\n", f"| {HEBREW} | ב |\n|---|---|\n| 1 | 2 |\n"):
        spans = inked(view, text)
        assert min(first for first, _ in spans) > width / 2, text
        assert max(last for _, last in spans) > width - 20, text


def test_a_question_is_seen_whole_in_its_bubble(view: TranscriptView) -> None:
    ((first, last),) = inked(view, HEBREW, "user")
    assert view.content_width - 130 < first < last < view.content_width - 6


def test_a_click_finds_the_letter_in_a_mirrored_paragraph(view: TranscriptView) -> None:
    inked(view, HEBREW)
    (row, *_) = view.column.items[0].rows or []
    from PySide6.QtCore import QPointF

    assert row.offset_at(QPointF(view.content_width - 1, 8)) == 0
    assert row.offset_at(QPointF(2, 8)) == len(HEBREW)


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("plain", []),
        ("größer → “so”", []),
        ("你好", ["Chinese, Japanese and Korean letters"]),
        ("こんにちは 안녕", ["Chinese, Japanese and Korean letters"]),
        ("Nice 👍🏽", ["emoji"]),
        ("שלום مرحبا", ["Arabic letters", "Hebrew letters"]),
        ("สวัสดี नमस्ते", ["Devanagari letters", "Thai letters"]),
    ],
)
def test_the_scripts_of_a_text(text: str, letters: list[str]) -> None:
    assert sorted(script.letters for script in scripts_of(text)) == letters


def test_a_missing_font_is_said_once_with_what_to_install(qapp: QApplication) -> None:
    said: list[str] = []
    asked: list[str] = []

    def has(_font: QFont, script: Script) -> bool:
        asked.append(script.letters)
        return script.letters != "emoji"

    fonts = MissingFonts(QFont, has=has)
    fonts.missed.connect(said.append)
    for text in ("你好", "Nice 👍", "👍 again", "你 👍"):
        fonts.look(text)
    assert len(said) == 1
    assert "no font with emoji" in said[0] and "fonts-noto-color-emoji" in said[0]
    assert len(asked) == 2
