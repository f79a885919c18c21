"""Reasoning on the chat page: streamed, folded, found by search, continued, copied and exported when wanted."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QLineEdit, QListView
from pytestqt.qtbot import QtBot
from support.chat_page import Desk

from desktop.services.chat.events import TextAdded
from desktop.store.chats import MARK_END, MARK_START
from desktop.ui.chat import actions
from desktop.ui.chat.chat_list_model import ChatRole
from desktop.ui.shell.engine_bridge import merge_chat_events


def fold(desk: Desk) -> tuple[str, bool]:
    """The words on the line above the reasoning of the last answer, and whether it is folded."""
    item = desk.page._transcript.column.items[-1]
    return str(getattr((item.rows or [])[0], "label", "")), item.folded


def reasoning(desk: Desk) -> str:
    return desk.page._transcript.reasoning_of(desk.page._talk.branch[-1].id)


@pytest.mark.parametrize("tagged", [True, False])
def test_reasoning_streams_into_a_fold_and_stays_apart_from_the_answer(desk: Desk, qtbot: QtBot, tagged: bool) -> None:
    desk.ask("Why two tides?")
    if tagged:
        desk.engine.say("<think>\nThe Moon")
    else:
        desk.engine.say("", reasoning="The Moon")
    qtbot.waitUntil(lambda: reasoning(desk) == "The Moon")
    assert desk.branch[-1] == ("assistant", "") and fold(desk) == ("Thinking…", True)
    desk.engine.say("</think>\n\nTwice" if tagged else "Twice")
    qtbot.waitUntil(lambda: desk.branch[-1] == ("assistant", "Twice"))
    desk.engine.finish()
    qtbot.waitUntil(lambda: not desk.page._talk.busy)
    assert fold(desk)[0].startswith("Thought for ")
    stored = desk.store.messages(desk.store.chats()[0].id)[-1]
    assert (stored.reasoning, stored.content) == ("The Moon", "Twice")


def test_another_chat_in_view_and_back_keeps_what_is_being_thought(desk: Desk, qtbot: QtBot) -> None:
    desk.answer("First chat", "one")
    first = desk.page._talk.chat
    desk.page.new_chat()
    desk.ask("Second chat")
    second = desk.page._talk.chat
    assert first is not None and second is not None
    desk.engine.say("", reasoning="Let me ")
    desk.page.open_chat(first.id)
    qtbot.waitUntil(lambda: desk.branch[-1] == ("assistant", "one"))
    desk.engine.say("", reasoning="see")
    desk.page.open_chat(second.id)
    qtbot.waitUntil(lambda: reasoning(desk) == "Let me see")


def test_an_answer_stopped_amid_its_thinking_is_continued_there(desk: Desk, qtbot: QtBot) -> None:
    desk.ask("Why?")
    desk.engine.say("", reasoning="One ")
    qtbot.waitUntil(lambda: reasoning(desk) == "One ")
    desk.click("composerSend")  # Stop
    qtbot.waitUntil(lambda: not desk.page._talk.busy)
    assert fold(desk)[0].endswith("not finished")
    assert desk.page.commands.trigger(actions.CONTINUE) == ""
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 2)
    assert desk.engine.requests[-1].messages[-1].reasoning == "One "
    desk.engine.say("", reasoning="two")
    desk.engine.say("Yes")
    desk.engine.finish()
    qtbot.waitUntil(lambda: desk.branch[-1] == ("assistant", "Yes"))
    assert reasoning(desk) == "One two"


def test_a_hit_in_the_reasoning_says_so_and_opens_the_fold(desk: Desk, qtbot: QtBot) -> None:
    chat = desk.store.create("Tides")
    asked = desk.store.add(chat.id, None, "user", "Why?")
    desk.store.add(chat.id, asked.id, "assistant", "Twice a day", reasoning="The Moon pulls", reasoning_seconds=2.0)
    search = desk.page.findChild(QLineEdit, "chatSearch")
    search.setFocus()
    qtbot.keyClicks(search, "moon")
    results = desk.page.findChild(QListView, "chatSearchResults")
    qtbot.waitUntil(lambda: results.model().rowCount() == 1)
    spoken = results.model().index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "Tides: Reasoning: The Moon pulls"
    seen = results.model().index(0, 0).data(ChatRole.SUBTITLE)
    assert seen == f"Reasoning: …{MARK_START}Moon{MARK_END} pulls"  # the match is within a narrow row
    qtbot.keyClick(search, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(desk.branch) == 2)
    qtbot.waitUntil(lambda: fold(desk) == ("Thought for 2.0 s", False))


def test_the_actions_of_reasoning(desk: Desk, qtbot: QtBot) -> None:
    do = desk.page.commands.trigger
    desk.answer("Why?", "So.")
    for action in (actions.REASONING, actions.COPY_WITH_REASONING):
        assert do(action) == "The last answer has no reasoning."
    desk.ask("And why?")
    desk.engine.say("Thus.", reasoning="Hm")
    desk.engine.finish()
    qtbot.waitUntil(lambda: desk.branch[-1][1] == "Thus." and not desk.page._talk.busy)
    assert do(actions.REASONING) == ""
    assert not fold(desk)[1]
    assert do(actions.COPY_WITH_REASONING) == ""
    assert QGuiApplication.clipboard().text() == "> Hm\n\nThus."
    assert do(actions.COPY_ANSWER) == ""
    assert QGuiApplication.clipboard().text() == "Thus."


@pytest.mark.parametrize(("kind", "wanted"), [("Markdown (*.md)", False), ("Markdown with reasoning (*.md)", True)])
def test_an_exported_chat_has_its_reasoning_where_that_is_chosen(
    desk: Desk, qtbot: QtBot, tmp_path: Path, kind: str, wanted: bool
) -> None:
    chat = desk.store.create("Tides")
    desk.store.add(chat.id, None, "assistant", "Twice a day", reasoning="The Moon pulls")
    desk.page._export.ask(chat.id, "Tides", "markdown")
    dialog = desk.page.findChild(QFileDialog, "exportDialog")
    assert dialog.selectedNameFilter() == "Markdown (*.md)"
    dialog.selectNameFilter(kind)
    path = tmp_path / "tides.md"
    dialog.fileSelected.emit(str(path))
    qtbot.waitUntil(path.exists)
    qtbot.waitUntil(lambda: bool(desk.told))
    assert ("> The Moon pulls" in path.read_text()) is wanted
    dialog.close()


def test_events_that_wait_for_the_window_are_joined_in_their_order() -> None:
    def added(text: str, reasoning: str = "", *, turned: bool = False) -> TextAdded:
        return TextAdded(1, 2, text, 1, 1, 1.0, reasoning=reasoning, turned=turned)

    assert merge_chat_events(added("a", "b"), added("c", "d")) == added("ac", "bd")
    assert merge_chat_events(added("a", "b"), added("c", "d", turned=True)) == added("c", "bad", turned=True)
    assert merge_chat_events(added("a", turned=True), added("c")) == added("ac", turned=True)
