"""At the least size of the window nothing of the list, of a search, of the groups and of a comparison is cut."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit, QToolButton, QWidget
from pytestqt.qtbot import QtBot
from support.chat_page import Desk
from support.cut import faults
from support.widgets import find

from desktop.store.chats import ChatStore
from desktop.store.options import PROMPTS, SavedPrompt
from desktop.ui.chat import actions
from desktop.ui.chat.compare_dialog import CompareDialog

LONG = "A name that is much longer than the column " * 3


def look(desk: Desk, shown: QWidget) -> list[str]:
    desk.qtbot.wait(1)  # layouts settle with the next events
    return faults(shown, sideways=False)


def test_nothing_is_cut_at_the_least_size(desk: Desk, store: ChatStore, qtbot: QtBot) -> None:
    desk.settings.set(PROMPTS, (SavedPrompt(LONG, "Be brief."),))
    for number, title in enumerate((LONG, "needle", "Tides", "Moon")):
        chat = store.create(title, LONG)
        store.add(chat.id, None, "user", f"needle {LONG}")
        store.order.tag(chat.id, [LONG, "work"] if number % 2 else [])
        store.order.move(chat.id, (LONG, "", "Sea", "")[number])
        store.order.pin(chat.id, number == 1)
    gone = store.create(LONG)
    store.delete(gone.id)
    desk.page._history.load()
    desk.answer("Why? " * 60, "Because. " * 60)
    desk.page.resize(820 - 76, 520 - 30)  # without the window's rail and status bar
    qtbot.waitUntil(lambda: "Pinned" in desk.rows)
    assert look(desk, desk.page) == []
    find(desk.page, QLineEdit, "chatSearch").setText("needle")
    qtbot.waitUntil(lambda: desk.page._list.hits.rowCount() > 0)
    assert look(desk, desk.page) == []
    desk.page.commands.trigger(actions.SHOW_TRASH)
    qtbot.waitUntil(lambda: len(desk.rows) == 1)
    assert look(desk, desk.page) == []
    desk.page.commands.trigger(actions.SHOW_TRASH)
    find(desk.page, QToolButton, "expertFold").click()
    assert look(desk, desk.page) == []
    desk.page.commands.trigger(actions.COMPARE)
    dialog = find(desk.page, CompareDialog, "compareAnswers")
    dialog.resize(560, 420)
    qtbot.waitUntil(lambda: bool(find(dialog, QWidget, "compareQuestion").isVisible()))
    assert look(desk, dialog) == []
    dialog.close()
