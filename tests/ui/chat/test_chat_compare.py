"""Two answers of one question side by side: versions that are there, one more, another model's; one goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QPushButton
from pytestqt.qtbot import QtBot
from support.chat_page import Desk
from support.widgets import find

from desktop.store.chats import ChatStore
from desktop.ui.chat import actions
from desktop.ui.chat.compare_dialog import CompareDialog
from desktop.ui.shared.transcript import TranscriptView


def dialog_of(desk: Desk) -> CompareDialog:
    desk.qtbot.waitUntil(lambda: desk.page.findChild(CompareDialog, "compareAnswers") is not None)
    return find(desk.page, CompareDialog, "compareAnswers")


def texts(dialog: CompareDialog) -> list[str]:
    """What stands on the left and on the right."""
    views = [find(dialog, TranscriptView, f"{side}Text") for side in ("left", "right")]
    return ["".join(item.content for item in view.column.items) for view in views]


def press(dialog: CompareDialog, name: str) -> None:
    button = find(dialog, QPushButton, name)
    assert button.isEnabled()
    button.click()


def test_versions_that_are_there_are_compared_and_one_goes_on(desk: Desk, qtbot: QtBot) -> None:
    desk.answer("Why two tides?", "The Moon.")
    desk.page.commands.trigger(actions.REGENERATE)
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 2)
    desk.engine.say("The **Sun**.")
    desk.engine.finish()
    qtbot.waitUntil(lambda: desk.branch[-1][1] == "The **Sun**." and not desk.page._talk.busy)
    desk.page.commands.trigger(actions.COMPARE)
    dialog = dialog_of(desk)
    qtbot.waitUntil(lambda: texts(dialog) == ["The **Sun**.", "The Moon."])
    qtbot.waitUntil(lambda: find(dialog, QLabel, "compareQuestion").text() == "Why two tides?")
    box = find(dialog, QComboBox, "rightVersion")
    assert [box.itemText(row).partition(" · ")[0] for row in range(box.count())] == ["Version 1", "Version 2"]
    press(dialog, "rightGoOn")
    qtbot.waitUntil(lambda: desk.branch[-1][1] == "The Moon.")
    qtbot.waitUntil(lambda: desk.page.findChild(CompareDialog, "compareAnswers") is None)


def test_a_question_is_answered_twice_while_one_looks_on(desk: Desk, qtbot: QtBot) -> None:
    desk.answer("Why?", "First.")
    desk.page.commands.trigger(actions.ANSWER_TWICE)
    dialog = dialog_of(desk)
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 2)
    qtbot.waitUntil(lambda: find(dialog, QComboBox, "rightVersion").currentIndex() == 1)
    assert not find(dialog, QPushButton, "rightGoOn").isEnabled()
    assert "being written" in find(dialog, QLabel, "compareTold").text()
    assert not find(dialog, QPushButton, "compareAgain").isEnabled()
    desk.engine.say("Second")
    qtbot.waitUntil(lambda: texts(dialog) == ["First.", "Second"])
    desk.engine.say(" one.")
    desk.engine.finish()
    qtbot.waitUntil(find(dialog, QPushButton, "rightGoOn").isEnabled)
    assert texts(dialog) == ["First.", "Second one."]
    press(dialog, "compareAgain")
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 3)
    desk.engine.say("Third.")
    desk.engine.finish()
    qtbot.waitUntil(lambda: texts(dialog) == ["First.", "Third."])
    press(dialog, "leftGoOn")
    qtbot.waitUntil(lambda: desk.branch[-1][1] == "First.")


def test_another_model_answers_the_same_question(desk: Desk, store: ChatStore, qtbot: QtBot, tmp_path: Path) -> None:
    desk.answer("Why?", "First.")
    desk.page.commands.trigger(actions.COMPARE)
    dialog = dialog_of(desk)
    qtbot.waitUntil(lambda: texts(dialog) == ["First.", ""])  # there is one version alone
    press(dialog, "compareOther")
    menu = QApplication.activePopupWidget()
    if menu is not None:
        menu.close()
    assert "Choose the other model" in find(dialog, QLabel, "compareTold").text()
    other = tmp_path / "other.gguf"
    other.touch()
    desk.library.path = other
    desk.page.open_model(other)
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading")
    desk.engine.finish_load()
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 2)
    desk.engine.say("From the other.")
    desk.engine.finish()
    qtbot.waitUntil(lambda: texts(dialog) == ["First.", "From the other."])
    assert len(store.siblings(desk.page._talk.branch[-1].id)) == 2
    dialog.close()


def test_a_closed_dialog_asks_no_other_model(desk: Desk, qtbot: QtBot) -> None:
    desk.answer("Why?", "First.")
    desk.page.commands.trigger(actions.COMPARE)
    dialog = dialog_of(desk)
    qtbot.waitUntil(lambda: texts(dialog) == ["First.", ""])
    press(dialog, "compareOther")
    menu = QApplication.activePopupWidget()
    if menu is not None:
        menu.close()
    dialog.close()
    state = desk.engine.state
    desk.engine.tell(replace(state))
    assert len(desk.engine.requests) == 1
    waited: Callable[[], bool] = lambda: desk.page.findChild(CompareDialog, "compareAnswers") is None  # noqa: E731
    qtbot.waitUntil(waited)
