"""What a reader meets on the page Chat: formulas, tables, and a word about letters that no font has."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QFont
from pytestqt.qtbot import QtBot
from support.chat_page import Desk

from desktop.core.text.scripts import Script
from desktop.engine.tools.typesetter import outline
from desktop.ui.shared import missing_fonts
from desktop.ui.shared.transcript.formula_row import FormulaRow


def test_a_formula_of_an_answer_is_typeset_and_stays_so_in_the_stored_chat(desk: Desk, qtbot: QtBot) -> None:
    asked: list[tuple[str, bool]] = []

    def typeset(latex: str, display: bool) -> object:
        asked.append((latex, display))
        return outline(latex, display=display)

    desk.typeset = typeset  # type: ignore[assignment]
    desk.answer("What is energy?", "It is\n\n$$\nE = mc^2\n$$\n")
    view = desk.page._transcript

    def formulas() -> list[FormulaRow]:
        return [row for item in view.column.items for row in item.rows or [] if isinstance(row, FormulaRow)]

    qtbot.waitUntil(lambda: bool(formulas()) and not any(row.waits for row in formulas()))
    assert asked == [("E = mc^2", True)]
    assert [row.text for row in formulas()] == ["$$\nE = mc^2\n$$"]
    assert desk.store.messages(1)[-1].content == "It is\n\n$$\nE = mc^2\n$$\n"


def test_a_missing_font_is_said_once_and_the_chat_goes_on(
    desk: Desk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def only_latin(_font: QFont, _script: Script) -> bool:
        return False

    monkeypatch.setattr(missing_fonts, "has_font", only_latin)
    desk.answer("Say hello", "你好 👍")
    desk.answer("And again", "你好")
    said = [told for told in desk.told if isinstance(told, str) and "no font" in told]
    assert len(said) == 2
    assert "Noto Sans CJK" in said[0] and "Noto Color Emoji" in said[1]
