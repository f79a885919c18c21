"""The composer as a person at the keyboard meets it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QInputMethodEvent
from PySide6.QtWidgets import QApplication, QLabel, QPlainTextEdit, QProgressBar, QPushButton
from pytestqt.qtbot import QtBot
from support.widgets import find, shown

from desktop.ui.chat.composer import Composer
from desktop.ui.chat.editor import MOST_LINES
from desktop.ui.shell.theme import Theme


@pytest.fixture
def composer(qtbot: QtBot, theme: Theme) -> Composer:
    return shown(qtbot, Composer(theme), 700, 300)


def editor(composer: Composer) -> QPlainTextEdit:
    return find(composer, QPlainTextEdit, "composerText")


def button(composer: Composer) -> QPushButton:
    return find(composer, QPushButton, "composerSend")


def test_enter_sends_and_empties(qtbot: QtBot, composer: Composer) -> None:
    qtbot.keyClicks(editor(composer), "Hello there")
    with qtbot.waitSignal(composer.submitted) as sent:
        qtbot.keyClick(editor(composer), Qt.Key.Key_Return)
    assert sent.args == ["Hello there", ()]
    assert composer.text == ""


def test_shift_enter_breaks_the_line_and_the_input_grows_up_to_eight(qtbot: QtBot, composer: Composer) -> None:
    heights = [editor(composer).height()]
    with qtbot.assertNotEmitted(composer.submitted):
        for _ in range(MOST_LINES + 3):
            qtbot.keyClick(editor(composer), Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
            heights.append(editor(composer).height())
    assert heights == sorted(heights)
    assert heights[0] < heights[1]
    assert heights[MOST_LINES - 1] == heights[-1]
    assert composer.text == "\n" * (MOST_LINES + 3)


def test_nothing_but_space_is_not_sent(qtbot: QtBot, composer: Composer) -> None:
    composer.set_text("  \n ")
    assert not button(composer).isEnabled()
    with qtbot.assertNotEmitted(composer.submitted):
        qtbot.keyClick(editor(composer), Qt.Key.Key_Return)


def test_while_busy_the_button_and_escape_stop(qtbot: QtBot, composer: Composer) -> None:
    composer.set_busy(True)
    composer.set_text("next question")
    assert button(composer).text() == "Stop"
    with qtbot.assertNotEmitted(composer.submitted):
        qtbot.keyClick(editor(composer), Qt.Key.Key_Return)
    with qtbot.waitSignal(composer.stop_requested):
        qtbot.mouseClick(button(composer), Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(composer.stop_requested):
        qtbot.keyClick(editor(composer), Qt.Key.Key_Escape)
    composer.set_busy(False)
    assert button(composer).text() == "Send"
    assert composer.text == "next question"


def test_up_in_the_empty_input_recalls(qtbot: QtBot, composer: Composer) -> None:
    with qtbot.waitSignal(composer.edit_last_requested):
        qtbot.keyClick(editor(composer), Qt.Key.Key_Up)
    composer.set_text("x")
    with qtbot.assertNotEmitted(composer.edit_last_requested):
        qtbot.keyClick(editor(composer), Qt.Key.Key_Up)


def test_an_edit_is_sent_as_one_and_the_draft_comes_back(qtbot: QtBot, composer: Composer) -> None:
    composer.set_text("half a thought")
    composer.begin_edit(7, "old words")
    assert composer.editing == 7
    with qtbot.waitSignal(composer.edit_submitted) as sent:
        qtbot.keyClick(editor(composer), Qt.Key.Key_Return)
    assert sent.args == [7, "old words", ()]
    assert (composer.editing, composer.text) == (None, "half a thought")


def test_escape_gives_up_an_edit(qtbot: QtBot, composer: Composer) -> None:
    composer.begin_edit(7, "old words")
    qtbot.keyClick(editor(composer), Qt.Key.Key_Escape)
    assert (composer.editing, composer.text) == (None, "")


def test_pasted_text_is_plain_and_files_are_left_to_the_window(composer: Composer) -> None:
    mime = QMimeData()
    mime.setHtml("<b>bold</b>")
    mime.setText("bold")
    editor(composer).insertFromMimeData(mime)
    assert composer.text == "bold"
    assert "font-weight" not in editor(composer).document().toHtml().partition("bold")[0].rpartition("<p")[2]
    files = QMimeData()
    files.setUrls([QUrl.fromLocalFile("/tmp/model.gguf")])
    assert not editor(composer).acceptDrops()


def test_enter_belongs_to_the_input_method_while_it_composes(qtbot: QtBot, composer: Composer) -> None:
    composer.set_text("に")
    QApplication.sendEvent(editor(composer), QInputMethodEvent("ほん", []))
    with qtbot.assertNotEmitted(composer.submitted):
        qtbot.keyClick(editor(composer), Qt.Key.Key_Return)


def test_the_context_meter_says_when_it_runs_out(composer: Composer) -> None:
    words = composer.findChild(QLabel, "contextWords")
    meter = composer.findChild(QProgressBar, "contextMeter")
    assert isinstance(words, QLabel)
    assert isinstance(meter, QProgressBar)
    assert not meter.isVisible()
    composer.set_context(1204, 16384)
    assert words.text() == "Context 1,204 / 16,384 tokens"
    assert (meter.value(), meter.maximum()) == (1204, 16384)
    composer.set_context(16000, 16384)
    assert "nearly full" in words.text()
    composer.set_context(16384, 16384)
    assert "full:" in words.text()
    assert "nearly" not in words.text()


def test_the_model_is_named(composer: Composer) -> None:
    composer.set_model_name("Qwen3-8B")
    assert editor(composer).placeholderText() == "Message Qwen3-8B… (Enter sends, Shift+Enter for a new line)"


@pytest.mark.parametrize("width", [900, 420, 300])
def test_the_hint_fits_one_line_whatever_narrows_the_field(qtbot: QtBot, theme: Theme, width: int) -> None:
    made = shown(qtbot, Composer(theme), 900, 120)
    made.set_model_name("SmolLM2-135M")
    made.resize(width, 120)
    made.set_busy(True)
    made.set_busy(False)
    made.begin_edit(1, "")  # the button says more
    QApplication.processEvents()
    field = editor(made)
    room = field.viewport().width() - 2 * field.document().documentMargin()
    assert field.fontMetrics().horizontalAdvance(field.placeholderText()) <= room
