"""Long texts in the composer: they stand beside the field, and keys stay quick; nothing of them is lost."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtWidgets import QFrame, QLabel, QPlainTextEdit, QPushButton, QToolButton
from pytestqt.qtbot import QtBot
from support.calls import calls_of
from support.widgets import find, shown

from desktop.ui.chat.composer import Composer
from desktop.ui.chat.long_text import LONG_LINE, LONG_PASTE, MOST_TYPED
from desktop.ui.shell.theme import Theme

UNBROKEN = "x" * 200_000
LINES = "a line of a log\n" * 20_000
CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def composer(qtbot: QtBot, theme: Theme) -> Composer:
    return shown(qtbot, Composer(theme), 700, 300)


def editor(composer: Composer) -> QPlainTextEdit:
    return find(composer, QPlainTextEdit, "composerText")


def paste(composer: Composer, text: str) -> None:
    mime = QMimeData()
    mime.setText(text)
    editor(composer).insertFromMimeData(mime)


def chips(composer: Composer) -> list[str]:
    found = [chip for chip in composer.findChildren(QFrame, "pastedText") if chip.isVisible()]
    return [chip.findChild(QLabel).text() for chip in found]


@pytest.mark.parametrize("text", [UNBROKEN, LINES, "x" * 1_000_000])
def test_a_long_paste_stands_beside_the_field_and_is_sent_with_it(qtbot: QtBot, composer: Composer, text: str) -> None:
    qtbot.keyClicks(editor(composer), "What is this?")
    paste(composer, text)
    assert editor(composer).toPlainText() == "What is this?"
    (words,) = chips(composer)
    assert words.startswith("Pasted text, ") and "line" in words
    with qtbot.waitSignal(composer.submitted) as sent:
        qtbot.keyClick(editor(composer), Qt.Key.Key_Return)
    assert sent.args == [f"What is this?\n\n{text}".strip("\n"), ()]
    assert (composer.text, chips(composer)) == ("", [])


def test_a_short_paste_is_text(composer: Composer) -> None:
    paste(composer, "def f():\n    return 1\n" * 20)
    assert chips(composer) == [] and "return 1" in editor(composer).toPlainText()


def test_many_short_pastes_do_not_fill_the_field(composer: Composer) -> None:
    for _ in range(20):
        paste(composer, "a line of text\n" * 400)
    assert len(editor(composer).toPlainText()) <= MOST_TYPED and chips(composer)
    assert composer.text.count("a line of text") == 20 * 400


def test_many_pastes_without_a_break_do_not_make_a_long_line(composer: Composer) -> None:
    for _ in range(30):
        paste(composer, "y" * 1000)
    assert max(len(line) for line in editor(composer).toPlainText().split("\n")) <= LONG_LINE
    assert composer.text.replace("\n", "") == "y" * 30_000


def test_a_paste_alone_can_be_sent(qtbot: QtBot, composer: Composer) -> None:
    paste(composer, UNBROKEN)
    assert find(composer, QPushButton, "composerSend").isEnabled()
    with qtbot.waitSignal(composer.submitted) as sent:
        composer.send()
    assert sent.args == [UNBROKEN, ()]


def test_undo_takes_the_paste_back_and_redo_brings_it_again(qtbot: QtBot, composer: Composer) -> None:
    qtbot.keyClicks(editor(composer), "one")
    paste(composer, UNBROKEN)
    qtbot.keyClick(editor(composer), Qt.Key.Key_Z, CTRL)
    assert (chips(composer), composer.text) == ([], "one")
    qtbot.keyClick(editor(composer), Qt.Key.Key_Z, CTRL | Qt.KeyboardModifier.ShiftModifier)
    assert len(chips(composer)) == 1
    qtbot.keyClicks(editor(composer), " two")
    qtbot.keyClick(editor(composer), Qt.Key.Key_Z, CTRL)  # what was typed since goes first
    assert len(chips(composer)) == 1 and "two" not in editor(composer).toPlainText()


def test_a_removed_one_comes_back_by_undo(qtbot: QtBot, composer: Composer) -> None:
    paste(composer, LINES)
    qtbot.mouseClick(find(composer, QToolButton, "pastedRemove"), Qt.MouseButton.LeftButton)
    assert chips(composer) == []
    qtbot.keyClick(editor(composer), Qt.Key.Key_Z, CTRL)
    assert len(chips(composer)) == 1


def test_one_that_is_not_too_long_can_be_edited_as_text(qtbot: QtBot, composer: Composer) -> None:
    text = "some words\n" * (LONG_PASTE // 10)
    paste(composer, text)
    qtbot.mouseClick(find(composer, QPushButton, "pastedInsert"), Qt.MouseButton.LeftButton)
    assert (chips(composer), editor(composer).toPlainText()) == ([], text)
    paste(composer, UNBROKEN)
    visible = [button for button in composer.findChildren(QPushButton, "pastedInsert") if button.isVisible()]
    assert visible == []


def test_a_long_message_is_edited_as_its_question_and_what_was_pasted(qtbot: QtBot, composer: Composer) -> None:
    qtbot.keyClicks(editor(composer), "draft")
    composer.begin_edit(7, f"What is this?\n\n{UNBROKEN}")
    assert editor(composer).toPlainText() == "What is this?" and len(chips(composer)) == 1
    with qtbot.waitSignal(composer.edit_submitted) as sent:
        composer.send()
    assert sent.args == [7, f"What is this?\n\n{UNBROKEN}", ()]
    assert (composer.text, chips(composer)) == ("draft", [])


@pytest.mark.parametrize("size", [200_000, 1_000_000])
def test_a_key_costs_the_same_with_a_long_text(qtbot: QtBot, composer: Composer, size: int) -> None:
    """Counted in calls; tests/bench/bench_composer.py has the milliseconds."""
    qtbot.keyClicks(editor(composer), "warm")
    short = calls_of(lambda: qtbot.keyClicks(editor(composer), "aaaa"))
    paste(composer, "z" * size)
    assert calls_of(lambda: qtbot.keyClicks(editor(composer), "aaaa")) < 2 * short
    assert editor(composer).document().characterCount() < 100
