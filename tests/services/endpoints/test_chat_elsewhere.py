"""A conversation with a model of another server, through the real services; no engine of this computer is started."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.keyrings import memory_keyring
from support.openai_server import RESET, OpenAIServer, answer, piece
from support.scripted_server import STREAM

from desktop.core.failures import FailureKind
from desktop.core.load_plan import LoadPlan
from desktop.core.model_ref import ModelRef
from desktop.core.pools import Reclaimable
from desktop.services.chat.events import ChatEvent, MessageFinished, TextAdded
from desktop.services.container import Container
from desktop.services.engine.supervisor import EngineState
from desktop.store.chats import Message
from desktop.store.paths import Paths

SECONDS = 60.0


class Talk:
    """One chat with a model of the server; states and events are awaited."""

    def __init__(self, paths: Paths) -> None:
        self.made = Container(paths)
        self.states: queue.Queue[EngineState] = queue.Queue()
        self.events: queue.Queue[ChatEvent] = queue.Queue()
        self.made.engine.subscribe(self.states.put)
        self.made.chat.subscribe(self.events.put)
        self.chat = self.made.chats.create().id

    def plan(self, identity: str) -> LoadPlan:
        return self.made.planning.for_load(self.made.endpoints.ref(identity))

    def state(self, holds: Callable[[EngineState], object]) -> EngineState:
        while True:
            found = self.states.get(timeout=SECONDS)
            if holds(found):
                return found

    def choose(self, identity: str) -> EngineState:
        self.made.engine.load(self.plan(identity))
        return self.state(lambda state: state.phase == "ready" or state.failure)

    def finished(self) -> Message:
        while True:
            event = self.events.get(timeout=SECONDS)
            if isinstance(event, MessageFinished):
                return event.message

    def ask(self, text: str = "Hello?") -> Message:
        self.made.chat.send(self.chat, text)
        return self.finished()


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer("org/a-model", "other") as running:
        yield running


@pytest.fixture
def talk(paths: Paths, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Talk]:
    with memory_keyring(monkeypatch, tmp_path):
        made = Talk(paths)
        made.made.endpoints.add(server.url, "studio")
        yield made
        made.made.close()


def test_it_is_chatted_with_like_one_of_this_computer(talk: Talk, server: OpenAIServer) -> None:
    state = talk.choose("endpoint:studio/org/a-model")
    assert (state.endpoint, state.model_name, state.model_path, state.pid) == (
        "studio", "a-model", "endpoint:studio/org/a-model", None,
    )  # fmt: skip
    server.answers = [answer("Good ", "day."), answer("Fine.")]
    first = talk.ask()
    assert (first.content, first.state, first.model) == ("Good day.", "complete", "a-model")
    assert first.statistics["generated_tokens"] == 2 and first.statistics["prompt_tokens"] == 7
    assert talk.ask("How are you?").content == "Fine."
    roles = [turn["role"] for turn in server.questions[1]["messages"]]
    assert roles == ["user", "assistant", "user"]


def test_a_chat_s_own_settings_are_sent_and_no_others(talk: Talk, server: OpenAIServer) -> None:
    talk.choose("endpoint:studio/org/a-model")
    talk.made.chats.update(talk.chat, sampling={"temperature": 0.3}, system_prompt="Be brief.")
    server.answers = [answer("Yes.")]
    talk.ask()
    asked = server.questions[0]
    assert asked["temperature"] == 0.3 and "top_p" not in asked
    assert asked["messages"][0] == {"role": "system", "content": "Be brief."}


def test_tags_that_a_server_leaves_in_the_text_are_told_apart(talk: Talk, server: OpenAIServer) -> None:
    talk.choose("endpoint:studio/org/a-model")
    server.answers = [answer("<think>", "Hm.", "</think>", "Yes.")]
    found = talk.ask()
    assert (found.reasoning, found.content) == ("Hm.", "Yes.")


def test_a_cable_pulled_in_the_middle_keeps_the_text_and_the_next_try_works(talk: Talk, server: OpenAIServer) -> None:
    talk.choose("endpoint:studio/org/a-model")
    server.answers = [(STREAM, piece("Half of "), RESET), answer("Whole.")]
    broken = talk.ask()
    assert (broken.content, broken.state) == ("Half of ", "failed")
    assert "studio" in broken.note and "kept" in broken.note
    assert talk.made.engine.state.phase == "ready"
    talk.made.chat.regenerate(broken.id)
    assert talk.finished().content == "Whole."


def test_a_stop_keeps_the_text(talk: Talk, server: OpenAIServer) -> None:
    talk.choose("endpoint:studio/org/a-model")
    server.answers = [(STREAM, piece("Half of "), None)]
    talk.made.chat.send(talk.chat, "Hello?")
    while not isinstance(talk.events.get(timeout=SECONDS), TextAdded):
        pass
    talk.made.chat.stop()
    stopped = talk.finished()
    assert (stopped.content, stopped.state) == ("Half of ", "stopped")
    assert server.left.wait(SECONDS)


def test_a_server_that_is_off_is_told_and_asked_again_with_the_next_question(talk: Talk, server: OpenAIServer) -> None:
    plan, url = talk.plan("endpoint:studio/org/a-model"), server.url
    server.stop()
    talk.made.engine.load(plan)
    state = talk.state(lambda state: state.failure is not None)
    assert state.failure is not None and state.failure.kind == FailureKind.UNREACHABLE
    assert state.phase == "stopped" and state.endpoint == "studio"
    talk.made.chat.send(talk.chat, "Hello?")
    failed = talk.finished()
    assert failed.state == "failed" and url.split("/")[2] in failed.note
    with OpenAIServer("org/a-model") as again:
        talk.made.endpoints.remove("studio")
        talk.made.endpoints.add(again.url, "studio")
        again.answers = [answer("Here again.")]
        assert talk.ask().content == "Here again."


def test_another_server_s_model_takes_its_place(talk: Talk, server: OpenAIServer) -> None:
    talk.choose("endpoint:studio/org/a-model")
    with OpenAIServer("b", key="key-of-box") as box:
        talk.made.endpoints.add(box.url, "box", "key-of-box")
        assert talk.choose("endpoint:box/b").endpoint == "box"
        box.answers = [answer("From the box.")]
        assert talk.ask().content == "From the box."
    assert all("authorization" not in headers for _, headers, _ in server.requests)  # a key goes nowhere else


def test_nothing_of_it_counts_for_this_computer(talk: Talk, server: OpenAIServer) -> None:
    talk.choose("endpoint:studio/org/a-model")
    state = talk.made.engine.state
    assert state.loaded is not None and state.plan is not None
    assert talk.made.recorder.loaded(state.loaded, state.plan) is None
    talk.made.recorder.answered({"generated_tokens": 10.0, "tokens_per_second": 900.0})
    assert talk.made.runs.runs(talk.made.speed.key) == ()
    assert talk.made.held() == Reclaimable()
    talk.made.engine.sleep()  # nothing is freed by that
    assert talk.made.engine.state.phase == "ready"


def test_a_rolling_chat_is_asked_whole_where_the_server_does_not_tell_its_context(
    talk: Talk, server: OpenAIServer
) -> None:
    talk.choose("endpoint:studio/org/a-model")
    server.answers = [answer("One."), answer("Two.")]
    talk.ask()
    talk.made.chat.views.drop_oldest(talk.chat)
    assert talk.ask("And?").content == "Two."
    assert len(server.questions[1]["messages"]) == 3


def test_a_server_removed_meanwhile_is_named(talk: Talk, server: OpenAIServer) -> None:
    talk.choose("endpoint:studio/org/a-model")
    talk.made.endpoints.remove("studio")
    failed = talk.ask()
    assert failed.state == "failed" and "studio" in failed.note


def test_a_plan_of_another_server_claims_nothing(talk: Talk) -> None:
    plan = talk.made.planning.for_load(ModelRef("m", "endpoint:studio/m"))
    assert plan.fit is None and plan.speeds is None and plan.note == "" and plan.fits
