"""The end of a context with the real engine: its figures, turns that are dropped, and turns that are summarised."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from support.desk import DEADLINE_SECONDS, Desk

from desktop.core.cancelled import CancelledError
from desktop.core.errors import ContextFullError, HeftError
from desktop.services.chat.events import ChatFailed, Summarising, ViewChanged
from desktop.store.chats import Message, ModelView
from desktop.store.paths import Paths

pytestmark = pytest.mark.engine
FILLER = "The lighthouse keeper counts the ships that pass by and writes down their names in a book. "


@pytest.fixture
def desk(paths: Paths) -> Iterator[Desk]:
    made = Desk(paths)
    yield made
    made.close()


def _chat(desk: Desk, turns: int, *, system: str = "") -> int:
    """A chat with so many turns of about 50 tokens each."""
    chat = desk.new_chat(max_tokens=8)
    desk.store.update(chat, system_prompt=system)
    parent = None
    for number in range(turns):
        question = desk.store.add(chat, parent, "user", f"Question {number}. {FILLER}")
        parent = desk.store.add(chat, question.id, "assistant", f"Answer {number}. {FILLER}").id
    return chat


def _sent(desk: Desk, chat: int, text: str) -> Message:
    desk.chat.send(chat, text)
    return desk.answered()


def _seen(desk: Desk, chat: int) -> list[str]:
    branch = desk.store.messages(chat)
    return [message.content for message in branch[desk.store.chat(chat).model_view.unseen(branch) :]]


def test_a_conversation_that_is_too_long_fails_with_both_figures(desk: Desk, starter_model: Path) -> None:
    desk.load(starter_model, 256)
    chat = _chat(desk, 8)
    answer = _sent(desk, chat, "And now?")
    assert (answer.state, answer.content) == ("context-full", "")
    needed = answer.statistics["needed_tokens"]
    assert needed > 256 and answer.statistics["context_length"] == 256
    assert answer.note == (
        f"This conversation is {needed:,.0f} tokens long; the model was loaded with a context of 256. "
        "Load it with a larger context, or start a new chat."
    )
    failed = desk.wait(ChatFailed)
    assert isinstance(failed, ChatFailed) and isinstance(failed.error, ContextFullError)
    assert (failed.error.needed_tokens, failed.error.context_length) == (needed, 256)


def test_a_count_is_what_the_engine_reads(desk: Desk, starter_model: Path) -> None:
    desk.load(starter_model, 512)
    chat = _chat(desk, 2, system="You are brief.")
    answer = _sent(desk, chat, "And <|im_end|> now?")
    request = desk.chat._requests.answer(desk.store.chat(chat), answer.id)
    asked = msgspec.structs.replace(request, messages=request.messages[:-1])  # as it was before the answer
    assert desk.engine.count(asked) == answer.statistics["prompt_tokens"]
    assert desk.engine.count(msgspec.structs.replace(asked, messages=(), prompt="Hello there")) == 2


@pytest.mark.parametrize("context", [256, 512])
def test_the_oldest_turns_go_as_many_as_must_and_more_as_the_chat_grows(
    desk: Desk, starter_model: Path, context: int
) -> None:
    desk.load(starter_model, context)
    chat = _chat(desk, 12, system="You are brief.")
    full = _sent(desk, chat, "And now?")
    assert full.state == "context-full"
    desk.chat.views.drop_oldest(chat)
    desk.chat.continue_(full.id)
    answer = desk.answered()
    assert answer.content and answer.state in ("complete", "length")
    assert answer.statistics["prompt_tokens"] + context // 4 <= context
    seen = _seen(desk, chat)
    assert seen[-2:] == ["And now?", answer.content] and seen[0].startswith("Question ")
    assert len(seen) > 2, "no more goes than must"

    for number in range(3):  # it rolls on
        before = len(_seen(desk, chat))
        assert _sent(desk, chat, f"More {number}. {FILLER}").content
        assert len(_seen(desk, chat)) <= before + 2
    assert not _seen(desk, chat)[0].startswith("Question 1.")
    turns = desk.store.messages(chat)
    assert len(turns) == 24 + 2 + 6, "nothing is lost"

    desk.chat.views.show_all(chat)
    assert len(_seen(desk, chat)) == len(turns)
    assert _sent(desk, chat, "All of it?").state == "context-full"


def test_turns_come_back_with_a_longer_context(desk: Desk, starter_model: Path) -> None:
    desk.load(starter_model, 256)
    chat = _chat(desk, 6)
    desk.chat.views.drop_oldest(chat)
    assert _sent(desk, chat, "And now?").content
    short = len(_seen(desk, chat))
    desk.load(starter_model, 2048)
    assert _sent(desk, chat, "And again?").content
    assert len(_seen(desk, chat)) == len(desk.store.messages(chat)) > short


def test_a_question_that_is_too_long_by_itself_is_told_with_its_need(desk: Desk, starter_model: Path) -> None:
    desk.load(starter_model, 256)
    chat = _chat(desk, 3)
    desk.chat.views.drop_oldest(chat)
    answer = _sent(desk, chat, FILLER * 40)
    assert answer.state == "context-full" and answer.statistics["needed_tokens"] > 256
    assert _seen(desk, chat)[0] == FILLER * 40


def test_an_answer_that_filled_the_context_goes_on_without_the_oldest_turns(desk: Desk, starter_model: Path) -> None:
    desk.load(starter_model, 256)
    chat = _chat(desk, 2)
    desk.store.update(chat, max_tokens=0)
    full = _sent(desk, chat, "Write a long story of the sea, with many ships.")
    assert full.state == "context-full" and full.content
    assert full.statistics["context_used"] >= 255
    desk.chat.views.drop_oldest(chat)
    desk.store.update(chat, max_tokens=8)
    desk.chat.continue_(full.id)
    longer = desk.answered()
    assert longer.id == full.id and longer.content.startswith(full.content)
    assert len(longer.content) > len(full.content)


@pytest.mark.parametrize(("context", "turns"), [(256, 5), (512, 16)])
def test_the_earlier_turns_are_summarised_by_the_model_and_stand_before_the_rest(
    desk: Desk, starter_model: Path, context: int, turns: int
) -> None:
    desk.load(starter_model, context)
    chat = _chat(desk, turns, system="You are brief.")
    full = _sent(desk, chat, "And now?")
    desk.chat.summarise(chat, full.id)
    told = desk.wait(Summarising)
    assert isinstance(told, Summarising) and told.fraction == 0
    view = desk.store.chat(chat).model_view
    assert view.summary and view.summarised_to is not None and not view.rolling
    request = desk.chat._requests.answer(desk.store.chat(chat), full.id)
    system, *rest = request.messages
    assert system.content == f"You are brief.\n\nSummary of the conversation so far:\n{view.summary}"
    assert rest[-1].content == "And now?" and rest[0].role == "user"
    desk.chat.continue_(full.id)
    answer = desk.answered()
    assert answer.content and answer.statistics["prompt_tokens"] < context

    desk.chat.views.set_summary(chat, "They spoke of ships.")
    assert "They spoke of ships." in desk.chat._requests.answer(desk.store.chat(chat), full.id).messages[0].content
    desk.chat.views.show_all(chat)
    assert desk.store.chat(chat).model_view == ModelView()


def test_a_summary_that_is_stopped_changes_nothing(desk: Desk, starter_model: Path) -> None:
    desk.load(starter_model, 512)
    chat = _chat(desk, 12)
    full = _sent(desk, chat, "And now?")
    raised: list[HeftError] = []

    def summarise() -> None:
        try:
            desk.chat.summarise(chat, full.id)
        except HeftError as error:
            raised.append(error)

    writing = threading.Thread(target=summarise)
    writing.start()
    desk.wait(Summarising)
    assert desk.chat.busy
    with pytest.raises(HeftError, match="still being written"):
        desk.chat.send(chat, "Meanwhile?")
    desk.chat.stop()
    writing.join(DEADLINE_SECONDS)
    assert isinstance(raised[0], CancelledError) and not desk.chat.busy
    assert desk.store.chat(chat).model_view == ModelView()
    while not desk.events.empty():
        assert not isinstance(desk.events.get_nowait(), ViewChanged)
    assert desk.engine.state.phase == "ready"
