"""Copies of chats, forks, and single messages deleted and brought back, as a person does it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QListView, QMenu, QPlainTextEdit
from pytestqt.qtbot import QtBot
from support.chat_page import Desk

from desktop.ui.chat import actions
from desktop.ui.shell.action import Action


@pytest.fixture
def talked(desk: Desk) -> Desk:
    desk.answer("Why two tides?", "The Moon.")
    desk.answer("And the Sun?", "Less so.")
    return desk


def menu_of(desk: Desk, message: int) -> QMenu:
    """The menu of a message, as a right click opens it."""
    view = desk.page._transcript
    point = (view.item_rect(message).topLeft() + QPointF(view.content_width / 2, 12)).toPoint()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, point, view.viewport().mapToGlobal(point))
    QApplication.sendEvent(view.viewport(), event)
    return next(menu for menu in view.findChildren(QMenu, "transcriptMenu") if menu.isVisible())


def choose(menu: QMenu, words: str) -> None:
    chosen = next(action for action in menu.actions() if action.text().split("\t")[0] == words)
    assert chosen.isEnabled()
    menu.close()
    chosen.trigger()


def act(desk: Desk, action: Action) -> None:
    """As the command palette does it."""
    desk.page.commands.trigger(action)


def test_a_message_is_deleted_and_comes_back(talked: Desk, qtbot: QtBot) -> None:
    before = talked.branch
    choose(menu_of(talked, 1), "Delete message")
    qtbot.waitUntil(lambda: talked.branch == [before[0], before[2], before[3]])
    assert talked.label("undoText") == "Deleted a message"
    talked.click("undoDelete")
    qtbot.waitUntil(lambda: talked.branch == before)


def out_of_sight(desk: Desk) -> None:
    """The bar's time is over."""
    bar = desk.page._list._undo
    bar._timer.timeout.emit()
    assert not bar.isVisible()


def test_a_deleted_message_comes_back_by_ctrl_z_long_after(talked: Desk, qtbot: QtBot) -> None:
    before, composer = talked.branch, talked.page._composer
    editor = talked.page.findChild(QPlainTextEdit, "composerText")
    qtbot.keyClicks(editor, "a")
    qtbot.keyClick(editor, Qt.Key.Key_Backspace)
    choose(menu_of(talked, 1), "Delete message")
    qtbot.waitUntil(lambda: len(talked.branch) == 3)
    out_of_sight(talked)
    qtbot.keyClicks(editor, "b")
    qtbot.keyClick(editor, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not composer.text and len(talked.branch) == 3  # what was written last is undone first
    composer.set_text("")
    qtbot.keyClick(editor, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: talked.branch == before)


def test_a_deleted_message_comes_back_by_the_menu_of_its_chat(talked: Desk, qtbot: QtBot) -> None:
    before = talked.branch
    choose(menu_of(talked, 3), "Delete message")
    qtbot.waitUntil(lambda: len(talked.branch) == 3)
    out_of_sight(talked)
    rows = talked.page.findChild(QListView, "chats")
    choose(talked.page._list.menu_for(rows.model().index(0, 0)), "Undo")
    qtbot.waitUntil(lambda: talked.branch == before)
    menu = talked.page._list.menu_for(rows.model().index(0, 0))
    assert not next(entry for entry in menu.actions() if entry.text().startswith("Undo")).isEnabled()


def test_what_was_said_since_stays_when_a_message_comes_back(talked: Desk, qtbot: QtBot) -> None:
    before = talked.branch
    act(talked, actions.DELETE_MESSAGE)
    qtbot.waitUntil(lambda: talked.branch == before[:-1])
    talked.answer("And Jupiter?", "Hardly.")
    since = talked.branch[3:]
    act(talked, actions.UNDO_DELETE)
    qtbot.waitUntil(lambda: talked.branch == [*before, *since])


def test_a_closed_chat_ends_the_offer(talked: Desk, qtbot: QtBot) -> None:
    act(talked, actions.DELETE_MESSAGE)
    qtbot.waitUntil(lambda: talked.page._list.can_undo)
    talked.page.new_chat()
    assert not talked.page._list.can_undo
    assert not talked.page._list._undo.isVisible()


def test_no_message_is_deleted_from_the_empty_space(desk: Desk) -> None:
    desk.answer("Why?", "So.")
    view = desk.page._transcript
    below = view.item_rect(1).bottomLeft().toPoint() + QPoint(200, 20)
    assert view.viewport().rect().contains(below)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, below, view.viewport().mapToGlobal(below))
    QApplication.sendEvent(view.viewport(), event)
    menu = next(menu for menu in view.findChildren(QMenu, "transcriptMenu") if menu.isVisible())
    words = [action.text() for action in menu.actions()]
    menu.close()
    assert "Select all" in " ".join(words) and not {"Delete message", "Copy message", "New chat up to here"} & {*words}


def test_the_last_message_is_deleted_by_the_palette(talked: Desk, qtbot: QtBot) -> None:
    before = talked.branch
    act(talked, actions.DELETE_MESSAGE)
    qtbot.waitUntil(lambda: talked.branch == before[:-1])
    act(talked, actions.UNDO_DELETE)
    qtbot.waitUntil(lambda: talked.branch == before)


def test_a_fork_is_a_new_chat_up_to_its_message(talked: Desk, qtbot: QtBot) -> None:
    choose(menu_of(talked, 1), "New chat up to here")
    qtbot.waitUntil(lambda: [text for _, text in talked.branch] == ["Why two tides?", "The Moon."])
    assert talked.rows == ["Why two tides? (fork)", "Why two tides?"]
    talked.answer("And Jupiter?", "Hardly.")
    old = talked.store.chats()[-1]
    assert [message.content for message in talked.store.messages(old.id)][-1] == "Less so."


def test_forks_have_names_of_their_own_and_are_listed_while_a_search_is_on(talked: Desk, qtbot: QtBot) -> None:
    talked.page.findChild(QLineEdit, "chatSearch").setText("Moon")
    results = talked.page.findChild(QListView, "chatSearchResults")
    qtbot.waitUntil(results.isVisible)
    choose(menu_of(talked, 0), "New chat up to here")
    names = ["Why two tides? (fork)", "Why two tides?"]
    rows = talked.page.findChild(QListView, "chats")
    qtbot.waitUntil(lambda: rows.isVisible() and talked.rows == names)
    qtbot.waitUntil(lambda: rows.currentIndex().data() == "Why two tides? (fork)" and len(talked.branch) == 1)
    act(talked, actions.FORK)
    qtbot.waitUntil(lambda: talked.rows == ["Why two tides? (fork 2)", *names])


def test_the_results_of_a_search_mark_the_chat_in_view(talked: Desk, qtbot: QtBot) -> None:
    first = talked.page._talk.chat.id
    act(talked, actions.NEW)
    talked.answer("What draws the tide?", "The Moon, too.")
    talked.page.findChild(QLineEdit, "chatSearch").setText("Moon")
    results = talked.page.findChild(QListView, "chatSearchResults")
    qtbot.waitUntil(lambda: results.isVisible() and results.currentIndex().data() == "What draws the tide?")
    talked.page.open_chat(first)
    qtbot.waitUntil(lambda: results.currentIndex().data() == "Why two tides?")
    talked.page.new_chat()
    assert not results.currentIndex().isValid() and not results.selectedIndexes()


def test_a_chat_is_duplicated_from_its_list(talked: Desk, qtbot: QtBot) -> None:
    rows = talked.page.findChild(QListView, "chats")
    menu = talked.page._list.menu_for(rows.model().index(0, 0))
    choose(menu, "Duplicate")
    qtbot.waitUntil(lambda: talked.rows == ["Why two tides? (copy)", "Why two tides?"])
    assert len(talked.branch) == 4


def test_while_an_answer_is_written_nothing_of_the_chat_changes(talked: Desk, qtbot: QtBot) -> None:
    talked.ask("Go on")
    talked.engine.say("Well")
    qtbot.waitUntil(lambda: talked.branch[-1][1] == "Well")
    menu = menu_of(talked, 1)
    states = {action.text(): action.isEnabled() for action in menu.actions()}
    menu.close()
    assert not states["Delete message"] and not states["New chat up to here"]
    act(talked, actions.DELETE_MESSAGE)
    talked.engine.finish("stop", 42)
    qtbot.waitUntil(lambda: not talked.page._talk.busy)
    assert len(talked.branch) == 6


def test_the_menu_of_a_message_opens_by_the_keyboard(talked: Desk, qtbot: QtBot) -> None:
    view = talked.page._transcript
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Tab)
    focused = view._interaction.focus.item
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, view.rect().center(), view.rect().center())
    QApplication.sendEvent(view.viewport(), event)
    menu = next(menu for menu in view.findChildren(QMenu, "transcriptMenu") if menu.isVisible())
    gone = talked.branch[focused]
    choose(menu, "Delete message")
    qtbot.waitUntil(lambda: gone not in talked.branch)
