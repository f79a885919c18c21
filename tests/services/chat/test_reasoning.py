"""Reasoning is told apart from the answer, whichever way the engine gives it: kept, measured, sent back, continued."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from support.scripted_chat import LOADED, PLAN, Talk

from desktop.engine.api import ChatMessage
from desktop.services.chat.events import ChatFailed, TextAdded
from desktop.services.engine.supervisor import EngineState


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    made = Talk(tmp_path / "c.sqlite3")
    yield made
    made.close()


def kept(talk: Talk) -> tuple[str, str]:
    return talk.last.reasoning, talk.last.content


@pytest.mark.parametrize(
    "pieces",
    [
        [("", "The user "), ("", "greets."), ("Hello", ""), (" you", "")],
        [("", "The user greets."), ("\n\nHello you", "")],
        [("<thi", ""), ("nk>\nThe user", ""), (" greets.</", ""), ("think>\n", ""), ("\nHello you", "")],
        [("<|channel|>analysis<|message|>The user greets.<|end|><|start|>assistant<|channel|>fin", ""),
         ("al<|message|>Hello you", "")],
        [("The user greets.", ""), ("\n</think>\n\nHello you", "")],
    ],
)  # fmt: skip
def test_whichever_way_it_comes_it_is_kept_apart_and_timed(talk: Talk, pieces: list[tuple[str, str]]) -> None:
    talk.ask()
    for text, reasoning in pieces:
        talk.engine.say(text, reasoning)
        talk.now += 2.0
    talk.engine.finish()
    reasoning, text = kept(talk)
    assert (reasoning.strip(), text) == ("The user greets.", "Hello you")
    assert (talk.shown[0].strip(), talk.shown[1]) == ("The user greets.", "Hello you")
    # the time runs until the first text of the answer
    before = next(n for n, (said, _) in enumerate(pieces) if "Hello" in said)
    assert talk.last.reasoning_seconds == 2.0 * before


def test_how_long_it_has_been_thinking_is_told_live(talk: Talk) -> None:
    talk.ask()
    for text, reasoning in (("", "a"), ("", "b"), ("c", ""), ("d", "")):
        talk.engine.say(text, reasoning)
        talk.now += 1.5
    told = [event.reasoning_seconds for event in talk.heard if isinstance(event, TextAdded)]
    assert told == [0.0, 1.5, 3.0, 3.0]


def test_an_answer_without_reasoning_has_none(talk: Talk) -> None:
    talk.ask()
    talk.engine.say("\nUse the `<think>` tag")
    talk.now += 2.0
    talk.engine.say("<think>.")
    talk.engine.finish()
    assert kept(talk) == ("", "\nUse the `<think>` tag<think>.") and talk.last.reasoning_seconds == 0.0


def test_an_empty_passage_leaves_nothing(talk: Talk) -> None:
    talk.ask()
    talk.engine.say("<think>\n\n</think>\n\nHello")
    talk.engine.finish()
    assert kept(talk) == ("", "Hello") and talk.last.reasoning_seconds == 0.0


def test_a_model_without_template_writes_text_only(talk: Talk) -> None:
    talk.engine.state = EngineState("ready", PLAN, loaded=msgspec.structs.replace(LOADED, template="none"))
    talk.ask()
    talk.engine.say("<think>a</think>b")
    talk.engine.finish()
    assert kept(talk) == ("", "<think>a</think>b")


def test_earlier_answers_go_back_with_their_reasoning(talk: Talk) -> None:
    talk.ask("One?")
    talk.engine.say("First", "hm")
    talk.engine.finish()
    talk.ask("Two?")
    talk.engine.say("", "stopped amid")
    talk.engine.finish("cancelled")
    talk.ask("Three?")
    assert talk.engine.requests[-1].messages == (
        ChatMessage("user", "One?"),
        ChatMessage("assistant", "First", "hm"),
        ChatMessage("user", "Two?"),
        ChatMessage("assistant", "", "stopped amid"),
        ChatMessage("user", "Three?"),
    )


@pytest.mark.parametrize("tagged", [True, False])
def test_an_answer_that_was_cut_amid_its_thinking_goes_on_there(talk: Talk, tagged: bool) -> None:
    talk.ask()
    talk.engine.say("<think>\nOne ", "") if tagged else talk.engine.say("", "One ")
    talk.now += 3.0
    talk.service.stop()
    assert (kept(talk), talk.last.state) == (("One ", ""), "stopped")
    assert talk.last.reasoning_seconds == 3.0

    talk.now += 500.0
    talk.service.continue_(talk.last.id)
    assert talk.engine.requests[-1].messages[-1] == ChatMessage("assistant", "", "One ")
    talk.engine.say("two</think>\n\n", "") if tagged else talk.engine.say("", "two")
    talk.now += 4.0
    talk.engine.say("Hello")
    talk.engine.finish()
    assert (kept(talk), talk.last.state) == (("One two", "Hello"), "complete")
    assert talk.last.reasoning_seconds == 7.0
    assert len(talk.store.messages(talk.chat)) == 2


def test_where_the_engine_tells_them_apart_text_after_a_cut_is_the_answer(talk: Talk) -> None:
    talk.ask()
    talk.engine.say("", "All thought out.")
    talk.engine.finish("length")
    talk.service.continue_(talk.last.id)
    talk.engine.say("Hello")
    talk.engine.finish()
    assert kept(talk) == ("All thought out.", "Hello")


def test_an_answer_that_had_begun_goes_on_as_text(talk: Talk) -> None:
    talk.ask()
    talk.engine.say("<think>hm</think>Hel")
    talk.engine.finish("length")
    talk.service.continue_(talk.last.id)
    assert talk.engine.requests[-1].messages[-1] == ChatMessage("assistant", "Hel", "hm")
    talk.engine.say("lo <think> you")
    talk.engine.finish()
    assert kept(talk) == ("hm", "Hello <think> you")


def test_an_edited_answer_keeps_its_reasoning(talk: Talk) -> None:
    talk.ask()
    talk.engine.say("Hello", "hm")
    talk.engine.finish()
    talk.service.edit(talk.last.id, "Hallo")
    assert kept(talk) == ("hm", "Hallo")


def test_what_was_thought_is_saved_while_it_streams_and_shown_where_nothing_can_be_written(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desktop.services.chat.chat._SAVE_SECONDS", 0.0)
    talk.ask()
    talk.engine.say("", "half ")
    assert kept(talk) == ("half ", "")
    talk.store._db.execute("PRAGMA query_only = ON")
    with pytest.raises(sqlite3.OperationalError):
        talk.store._db.execute("DELETE FROM pieces")
    talk.engine.say("", "a thought")
    talk.engine.say("Hello")
    talk.engine.finish()
    assert isinstance(talk.heard[-1], ChatFailed)
    assert talk.shown == ("half a thought", "Hello")
    talk.store._db.execute("PRAGMA query_only = OFF")
    talk.ask("Again?")  # what could not be written is
    answer = talk.store.messages(talk.chat)[1]
    assert (answer.reasoning, answer.content, answer.state) == ("half a thought", "Hello", "complete")
