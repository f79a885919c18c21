"""Send, Regenerate, Edit and Continue: each loads a model where none is, and none loses an answer or a text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPlainTextEdit
from pytestqt.qtbot import QtBot
from support.chat_page import Desk
from support.widgets import find

from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.engine.api import Failed
from desktop.services.engine.supervisor import EngineState

MakeDesk = Callable[..., Desk]

QUESTION, ANSWER = ("user", "Name a colour"), ("assistant", "Red")


def send(desk: Desk) -> None:
    desk.write("And another")


def regenerate(desk: Desk) -> None:
    desk.page._transcript.regenerate_requested.emit(desk.page._talk.branch[-1].id)


def edit(desk: Desk) -> None:
    desk.page._transcript.edit_requested.emit(desk.page._talk.branch[0].id)
    find(desk.page, QPlainTextEdit, "composerText").selectAll()
    desk.write("Name a metal")


def continue_(desk: Desk) -> None:
    desk.page._transcript.continue_requested.emit(desk.page._talk.branch[-1].id)


WAYS = (send, regenerate, edit, continue_)
VERSIONS = (regenerate, edit)


def composed(desk: Desk) -> str:
    return find(desk.page, QPlainTextEdit, "composerText").toPlainText()


def versions(desk: Desk) -> list[int]:
    return [message.sibling_count for message in desk.page._talk.branch]


def as_before(desk: Desk, qtbot: QtBot) -> None:
    """Wait until nothing is written any more, and the answer before is in view, the only one."""
    qtbot.waitUntil(
        lambda: (
            not desk.service.busy
            and not desk.page._talk.busy
            and desk.branch == [QUESTION, ANSWER]
            and versions(desk) == [1, 1]
        )
    )


@pytest.fixture
def later(make_desk: MakeDesk, qtbot: QtBot) -> Callable[..., Desk]:
    """A window in which a stopped answer of an earlier one is in view; no model is loaded."""

    def make(**options: object) -> Desk:
        before = make_desk()
        before.answer("Name a colour", "Red", "cancelled")
        chat = before.page._talk.chat
        assert chat is not None
        desk = make_desk(**options)
        desk.page.open_chat(chat.id)
        qtbot.waitUntil(lambda: desk.branch == [QUESTION, ANSWER])
        return desk

    return make


@pytest.mark.parametrize("way", WAYS)
def test_each_way_loads_the_model_where_none_is(
    later: Callable[..., Desk], qtbot: QtBot, way: Callable[[Desk], None]
) -> None:
    desk = later()
    way(desk)
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading" and desk.service.busy)
    assert desk.page._talk.busy
    desk.engine.finish_load()
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 1)
    desk.engine.say(" and blue")
    desk.engine.finish()
    qtbot.waitUntil(lambda: desk.branch[-1][1].endswith(" and blue") and not desk.page._talk.busy)


@pytest.mark.parametrize("way", WAYS)
def test_without_any_model_nothing_changes_and_the_text_stays(
    later: Callable[..., Desk], qtbot: QtBot, way: Callable[[Desk], None]
) -> None:
    desk = later(model=None)
    way(desk)
    qtbot.waitUntil(lambda: desk.page._strip.notice is not None)
    assert desk.label("noticeText") == "There is no model to answer."
    assert desk.branch == [QUESTION, ANSWER] and versions(desk) == [1, 1] and not desk.page._talk.busy
    assert desk.page._talk.branch[-1].state == "stopped"
    assert composed(desk) == ("And another" if way is send else "Name a metal" if way is edit else "")
    if way is edit:
        assert desk.button("composerSend").text() == "Send edit"


@pytest.mark.parametrize("way", VERSIONS)
@pytest.mark.parametrize("trouble", ["the load is refused", "the load dies", "it dies before a word", "it is refused"])
def test_another_version_that_comes_to_nothing_leaves_the_one_before(
    later: Callable[..., Desk], qtbot: QtBot, way: Callable[[Desk], None], trouble: str
) -> None:
    desk = later()
    way(desk)
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading" and desk.service.busy)
    plan = desk.engine.last_plan
    error = EngineError("There is too little memory.", "Choose a smaller model.", kind=FailureKind.OUT_OF_MEMORY)
    if trouble == "the load is refused":
        desk.engine.tell(EngineState("stopped", plan, failure=error))
    elif trouble == "the load dies":
        desk.engine.die()
    else:
        desk.engine.finish_load()
        qtbot.waitUntil(lambda: len(desk.engine.requests) == 1)
        if trouble == "it is refused":
            answer = desk.engine._answer
            assert answer is not None
            desk.engine.tell(replace(desk.engine.state, phase="ready"))
            answer(Failed(1, FailureKind.BAD_TEMPLATE, "The template refused.", "Take another."))
        else:
            desk.engine.die()
    as_before(desk, qtbot)
    if trouble == "it is refused":
        qtbot.waitUntil(lambda: [str(told) for told in desk.told] == ["The template refused."])
    else:  # the strip says what is to be done; it is not said twice
        qtbot.waitUntil(lambda: desk.page._strip.notice is not None)
        assert desk.told == []
    chat = desk.page._talk.chat
    assert chat is not None
    assert [(m.role, m.content) for m in desk.store.messages(chat.id)] == [QUESTION, ANSWER]
    if way is edit:
        qtbot.waitUntil(lambda: composed(desk) == "Name a metal")
        assert desk.button("composerSend").text() == "Send edit"
        qtbot.keyClick(find(desk.page, QPlainTextEdit, "composerText"), Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: desk.branch[0] == ("user", "Name a metal"))
        qtbot.waitUntil(lambda: versions(desk) == [2, 1])


@pytest.mark.parametrize("way", VERSIONS)
def test_a_version_that_was_begun_and_failed_stays_beside_the_one_before(
    later: Callable[..., Desk], qtbot: QtBot, way: Callable[[Desk], None]
) -> None:
    desk = later()
    way(desk)
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading" and desk.service.busy)
    desk.engine.finish_load()
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 1)
    desk.engine.say("Bl")
    desk.engine.die()
    qtbot.waitUntil(lambda: desk.branch == [QUESTION, ANSWER] and not desk.page._talk.busy)
    place = 0 if way is edit else 1
    assert versions(desk)[place] == 2 and composed(desk) == ""
    desk.page._transcript.branch_requested.emit(desk.page._talk.branch[place].id, 1)
    qtbot.waitUntil(lambda: desk.branch[-1] == ("assistant", "Bl"))
    assert desk.branch[0][1] == ("Name a metal" if way is edit else "Name a colour")


@pytest.mark.parametrize("way", VERSIONS)
def test_a_version_that_is_stopped_before_its_first_word_is_taken_back(
    later: Callable[..., Desk], qtbot: QtBot, way: Callable[[Desk], None]
) -> None:
    desk = later()
    way(desk)
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading" and desk.service.busy)
    desk.click("composerSend")
    as_before(desk, qtbot)
    qtbot.waitUntil(lambda: composed(desk) == ("Name a metal" if way is edit else ""))
    assert desk.told == []


def test_a_version_that_is_stopped_later_is_shown(later: Callable[..., Desk], qtbot: QtBot) -> None:
    desk = later()
    regenerate(desk)
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading" and desk.service.busy)
    desk.engine.finish_load()
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 1)
    desk.engine.say("Blue")
    desk.engine.finish("cancelled")
    qtbot.waitUntil(lambda: desk.branch == [QUESTION, ("assistant", "Blue")] and not desk.page._talk.busy)
    assert versions(desk) == [1, 2]


def test_an_edit_that_comes_to_nothing_does_not_take_the_place_of_what_is_written_since(
    later: Callable[..., Desk], qtbot: QtBot
) -> None:
    desk = later()
    edit(desk)
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading" and desk.service.busy)
    editor = find(desk.page, QPlainTextEdit, "composerText")
    qtbot.keyClicks(editor, "Meanwhile")
    desk.engine.die()
    qtbot.waitUntil(lambda: composed(desk) == "Name a metal")
    desk.click("composerCancelEdit")
    assert composed(desk) == "Meanwhile"


def test_a_continued_answer_that_fails_keeps_its_text(later: Callable[..., Desk], qtbot: QtBot) -> None:
    desk = later()
    continue_(desk)
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading" and desk.service.busy)
    desk.engine.die()
    qtbot.waitUntil(lambda: not desk.page._talk.busy and desk.page._talk.branch[-1].state == "failed")
    assert desk.branch == [QUESTION, ANSWER]


def test_a_question_that_fails_stays_with_what_went_wrong(later: Callable[..., Desk], qtbot: QtBot) -> None:
    desk = later()
    send(desk)
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading" and desk.service.busy)
    desk.engine.die()
    qtbot.waitUntil(lambda: not desk.page._talk.busy and len(desk.branch) == 4)
    assert desk.branch[2:] == [("user", "And another"), ("assistant", "")]
    assert "crashed" in desk.page._talk.branch[-1].note
