"""What stands as a button below the last answer is in the palette too, by the button's word, when it can be done."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot
from support.chat_page import Desk

from desktop.ui.chat import actions
from desktop.ui.shell.actions import PALETTE
from desktop.ui.shell.finder import Offer, action_entries
from desktop.ui.shell.palette_sources import Entry, Group, Source, rows


def found(desk: Desk, typed: str) -> Entry:
    """The first action that the palette finds for what was typed."""
    offer = Offer("chat", "Chat", actions.CHAT_ACTIONS, desk.page.commands, True)
    group = Group(Source("Actions", list, print), action_entries([offer], but=PALETTE))
    entry = next(row.entry for row in rows([group], typed) if row.entry is not None)
    assert isinstance(entry, Entry)
    return entry


def do(desk: Desk, typed: str) -> str:
    """Choose it; why it cannot be done, "" where it was."""
    entry = found(desk, typed)
    return entry.reason or desk.page.commands.trigger(entry.key[1])


def test_the_last_answer_is_regenerated_and_its_versions_are_gone_through(desk: Desk, qtbot: QtBot) -> None:
    assert do(desk, "regenerate") == "There is no answer in this chat yet."
    desk.answer("Name a colour", "Red")
    assert do(desk, "previous version") == "The last answer has no earlier version."
    assert do(desk, "regenerate") == ""
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 2)
    assert do(desk, "regenerate") == "Wait for the answer, or stop it."
    desk.engine.say("Blue")
    desk.engine.finish()
    qtbot.waitUntil(lambda: desk.branch[-1][1] == "Blue" and not desk.page._talk.busy)
    assert do(desk, "next version") == "The last answer has no later version."
    assert do(desk, "previous version") == ""
    qtbot.waitUntil(lambda: desk.branch[-1][1] == "Red")
    assert do(desk, "next version") == ""
    qtbot.waitUntil(lambda: desk.branch[-1][1] == "Blue")
    assert do(desk, "copy the last answer") == ""
    assert QGuiApplication.clipboard().text() == "Blue"


def test_an_answer_that_was_stopped_is_continued(desk: Desk, qtbot: QtBot) -> None:
    assert do(desk, "continue") == "There is no answer in this chat yet."
    desk.ask("Count")
    desk.engine.say("1 2")
    qtbot.waitUntil(lambda: desk.branch[-1][1] == "1 2")
    desk.click("composerSend")
    qtbot.waitUntil(lambda: not desk.page._talk.busy)
    assert do(desk, "continue") == ""
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 2)
    desk.engine.say(" 3")
    desk.engine.finish()
    qtbot.waitUntil(lambda: desk.branch[-1][1] == "1 2 3" and not desk.page._talk.busy)
    assert do(desk, "continue") == "The last answer is complete."


def test_a_deleted_chat_is_brought_back(desk: Desk, qtbot: QtBot) -> None:
    desk.answer("Name a colour", "Red")
    qtbot.waitUntil(lambda: desk.rows == ["Name a colour"])
    assert do(desk, "bring back what was deleted") == "Nothing was deleted that can be brought back."
    assert do(desk, "delete the chat") == ""
    qtbot.waitUntil(lambda: desk.rows == [])
    assert do(desk, "bring back what was deleted") == ""
    qtbot.waitUntil(lambda: desk.rows == ["Name a colour"])
