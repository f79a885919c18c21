"""The side panel: groups that stay as the user left them, and saved system prompts."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QInputDialog, QPlainTextEdit, QScrollArea, QToolButton, QWidget
from pytestqt.qtbot import QtBot
from support.chat_page import Desk
from support.widgets import find

from desktop.core.errors import StoreError
from desktop.store.chats import ChatStore
from desktop.store.options import CHAT_FOLDS, PROMPTS, Option, SavedPrompt
from desktop.ui.chat import actions

Make = Callable[..., Desk]


def part(desk: Desk, name: str) -> QWidget:
    return find(desk.page, QWidget, name)


def fold(desk: Desk, name: str) -> QToolButton:
    return find(desk.page, QToolButton, name)


def turn(desk: Desk, name: str) -> None:
    find(desk.page, QScrollArea, "chatSideScroll").ensureWidgetVisible(fold(desk, name))
    desk.qtbot.mouseClick(fold(desk, name), Qt.MouseButton.LeftButton)


def entries(desk: Desk) -> dict[str, bool]:
    """The menu of prompts: words, and whether they can be chosen."""
    return {action.text(): action.isEnabled() for action in desk.page._side.settings.prompt.menu().actions()}


def choose(desk: Desk, words: str) -> None:
    menu = desk.page._side.settings.prompt.menu()
    next(action for action in menu.actions() if action.text() == words).trigger()


def name_it(desk: Desk, name: str) -> None:
    dialog = desk.page.findChild(QInputDialog, "promptName")
    dialog.setTextValue(name)
    dialog.accept()
    desk.qtbot.waitUntil(lambda: desk.page.findChild(QInputDialog, "promptName") is None)


def test_the_prompt_stands_above_the_numbers(desk: Desk) -> None:
    tops = [
        part(desk, name).mapTo(desk.page, part(desk, name).rect().topLeft()).y()
        for name in ("systemPrompt", "preset", "maxTokens", "expertFold")
    ]
    assert tops == sorted(tops)
    assert not fold(desk, "modelFold").isVisible()  # nothing is in it before there is a model


def test_groups_stay_as_they_were_left(desk: Desk, make_desk: Make, qtbot: QtBot) -> None:
    assert part(desk, "systemPrompt").isVisible() and part(desk, "preset").isVisible()
    desk.ask("Hi")
    desk.engine.finish()
    qtbot.waitUntil(lambda: part(desk, "modelSettings").isVisible())
    for name in ("modelFold", "promptFold", "expertFold"):
        turn(desk, name)
    assert not part(desk, "systemPrompt").isVisible() and not part(desk, "promptMenu").isVisible()
    assert not part(desk, "modelSettings").isVisible() and fold(desk, "modelFold").isVisible()
    assert fold(desk, "promptFold").accessibleName() == "Prompt, closed"
    left = {"model": False, "prompt": False, "expert": True}
    qtbot.waitUntil(lambda: desk.settings.get(CHAT_FOLDS) == left)
    again = make_desk()
    assert not part(again, "systemPrompt").isVisible() and part(again, "preset").isVisible()
    qtbot.waitUntil(lambda: fold(again, "expertFold").isChecked())
    turn(again, "promptFold")
    assert part(again, "systemPrompt").isVisible()
    qtbot.waitUntil(lambda: again.settings.get(CHAT_FOLDS) == {**left, "prompt": True})


def test_a_prompt_is_saved_chosen_changed_renamed_and_deleted(desk: Desk, store: ChatStore, qtbot: QtBot) -> None:
    box, text = desk.page.findChild(QComboBox, "savedPrompt"), desk.page.findChild(QPlainTextEdit, "systemPrompt")
    assert not box.isVisible() and entries(desk) == {"Save prompt as…": False}
    assert desk.page.commands.reason(actions.CHOOSE_PROMPT) == "No system prompt is saved yet."
    qtbot.keyClicks(text, "Be brief.")
    desk.page.commands.trigger(actions.SAVE_PROMPT)
    name_it(desk, "Brief")
    qtbot.waitUntil(lambda: box.isVisible() and box.currentText() == "Brief")
    text.setPlainText("Be a pirate.")
    assert box.currentIndex() == -1 and box.placeholderText() == "Brief, changed"
    choose(desk, "Save prompt as…")
    name_it(desk, "Pirate")
    qtbot.waitUntil(lambda: box.count() == 2 and box.currentText() == "Pirate")
    desk.answer("Who?", "Arr.")
    box.setCurrentIndex(0)
    box.activated.emit(0)
    assert text.toPlainText() == "Be brief."
    qtbot.waitUntil(lambda: store.chats()[0].system_prompt == "Be brief.")  # it counts for the chat in view

    qtbot.keyClicks(text, " Very.")
    assert entries(desk)["Save the changes to “Brief”"]
    changed = text.toPlainText()
    choose(desk, "Save the changes to “Brief”")
    qtbot.waitUntil(lambda: box.currentText() == "Brief")
    assert SavedPrompt("Brief", changed) in desk.settings.get(PROMPTS)
    assert not entries(desk)["Save the changes to “Brief”"]
    choose(desk, "Rename “Brief”…")
    name_it(desk, "Short")
    qtbot.waitUntil(lambda: box.currentText() == "Short")
    choose(desk, "Delete “Short”")
    qtbot.waitUntil(lambda: [prompt.name for prompt in desk.settings.get(PROMPTS)] == ["Pirate"])
    assert text.toPlainText() == changed  # the chat keeps its text


def test_saved_prompts_are_there_after_a_restart(desk: Desk, make_desk: Make, qtbot: QtBot) -> None:
    desk.settings.set(PROMPTS, (SavedPrompt("One", "1"), SavedPrompt("& two", "2")))
    again = make_desk()
    box = again.page.findChild(QComboBox, "savedPrompt")
    qtbot.waitUntil(lambda: [box.itemText(row) for row in range(box.count())] == ["& two", "One"])
    again.page.commands.trigger(actions.CHOOSE_PROMPT)
    qtbot.waitUntil(lambda: box.view().isVisible())
    box.hidePopup()


def test_what_cannot_be_kept_is_said(desk: Desk, qtbot: QtBot) -> None:
    def full(option: Option[object], value: object) -> None:
        raise StoreError("The disk is full.", "Make room.")

    desk.settings.set = full  # type: ignore[assignment]
    turn(desk, "promptFold")
    qtbot.waitUntil(lambda: bool(desk.told))
    assert isinstance(desk.told[0], StoreError)
