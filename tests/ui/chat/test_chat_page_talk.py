"""A conversation on the chat page: streaming, stopping, versions, branches, and two chats at a time."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPlainTextEdit
from pytestqt.qtbot import QtBot
from support.chat_page import Desk


def test_a_first_message_waits_for_the_model_and_streams(desk: Desk, qtbot: QtBot) -> None:
    assert desk.label("emptyTitle") == "Ask something"
    desk.write("Why two tides?")
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading")
    qtbot.waitUntil(lambda: len(desk.branch) == 2)
    assert desk.branch == [("user", "Why two tides?"), ("assistant", "")]
    assert desk.page.findChild(QLabel, "loadText").isVisible()

    desk.engine.finish_load()
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 1)
    desk.engine.read_prompt(20, 40)
    qtbot.waitUntil(lambda: desk.label("promptValue") == "reading 20 / 40")
    desk.engine.say("The Moon ")
    desk.engine.say("pulls.", 2)
    qtbot.waitUntil(lambda: desk.branch[1] == ("assistant", "The Moon pulls."))
    qtbot.waitUntil(lambda: desk.label("generationValue") == "61.4 tok/s")
    assert desk.label("contextValue") == "42 / 2,048"
    assert desk.label("memoryValue") == "151.2 MB"
    desk.engine.finish()
    qtbot.waitUntil(lambda: not desk.page._talk.busy)
    assert desk.label("promptValue") == "1,240 tok/s" and desk.label("firstTokenValue") == "0.21 s"
    qtbot.waitUntil(lambda: desk.rows == ["Why two tides?"])
    stored = desk.store.chats()[0]
    assert (stored.model, stored.model_path) == ("SmolLM2-135M", str(desk.library.path))
    assert desk.told == []


def test_stop_keeps_what_was_written(desk: Desk, qtbot: QtBot) -> None:
    desk.ask("Go on for ever")
    desk.engine.say("1 2 3")
    qtbot.waitUntil(lambda: desk.branch[-1][1] == "1 2 3")
    assert desk.button("composerSend").text() == "Stop"
    desk.click("composerSend")
    qtbot.waitUntil(lambda: not desk.page._talk.busy)
    assert desk.engine.cancels == 1
    last = desk.page._talk.branch[-1]
    assert (last.content, last.state) == ("1 2 3", "stopped")

    desk.page._transcript.continue_requested.emit(last.id)
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 2)
    desk.engine.say(" 4")
    desk.engine.finish()
    qtbot.waitUntil(lambda: desk.branch[-1][1] == "1 2 3 4")
    assert desk.engine.requests[-1].messages[-1].content == "1 2 3"


def test_regenerate_adds_a_version_and_one_can_go_back(desk: Desk, qtbot: QtBot) -> None:
    desk.answer("Name a colour", "Red")
    desk.page._transcript.regenerate_requested.emit(desk.page._talk.branch[-1].id)
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 2)
    desk.engine.say("Blue")
    desk.engine.finish()
    qtbot.waitUntil(lambda: desk.branch == [("user", "Name a colour"), ("assistant", "Blue")])
    last = desk.page._talk.branch[-1]
    assert (last.sibling_index, last.sibling_count) == (1, 2)
    desk.page._transcript.branch_requested.emit(last.id, -1)
    qtbot.waitUntil(lambda: desk.branch[-1] == ("assistant", "Red"))
    desk.page._transcript.branch_requested.emit(desk.page._talk.branch[-1].id, -1)  # beyond the first: nothing
    desk.page._transcript.branch_requested.emit(desk.page._talk.branch[-1].id, 1)
    qtbot.waitUntil(lambda: desk.branch[-1] == ("assistant", "Blue"))


def test_an_edited_question_is_a_branch_with_its_own_answer(desk: Desk, qtbot: QtBot) -> None:
    desk.answer("Why two tides?", "The Moon.")
    desk.page._transcript.edit_requested.emit(desk.page._talk.branch[0].id)
    editor = desk.page.findChild(QPlainTextEdit, "composerText")
    qtbot.waitUntil(lambda: editor.toPlainText() == "Why two tides?")
    editor.selectAll()
    qtbot.keyClicks(editor, "Why one tide?")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 2)
    desk.engine.say("There are two.")
    desk.engine.finish()
    qtbot.waitUntil(lambda: desk.branch == [("user", "Why one tide?"), ("assistant", "There are two.")])
    assert desk.page._talk.branch[0].sibling_count == 2
    chat = desk.page._talk.chat
    assert chat is not None
    desk.store.select(desk.store.siblings(desk.page._talk.branch[0].id)[0])
    assert [m.content for m in desk.store.messages(chat.id)] == ["Why two tides?", "The Moon."]


def test_an_answer_goes_on_while_another_chat_is_in_view(desk: Desk, qtbot: QtBot) -> None:
    desk.answer("First chat", "one")
    first = desk.page._talk.chat
    assert first is not None
    desk.page.new_chat()
    desk.ask("Second chat")
    desk.engine.say("streaming ")
    qtbot.waitUntil(lambda: desk.branch[-1][1] == "streaming ")
    second = desk.page._talk.chat
    assert second is not None

    desk.page.open_chat(first.id)
    qtbot.waitUntil(lambda: desk.branch == [("user", "First chat"), ("assistant", "one")])
    assert not desk.page._talk.busy
    desk.engine.say("on ")
    desk.page.open_chat(second.id)
    qtbot.waitUntil(lambda: desk.branch[-1] == ("assistant", "streaming on "))
    assert desk.page._talk.busy
    desk.engine.say("and on")
    desk.engine.finish()
    qtbot.waitUntil(lambda: desk.branch[-1] == ("assistant", "streaming on and on") and not desk.page._talk.busy)
