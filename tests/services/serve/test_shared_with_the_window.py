"""The window's chat and other programs on one loaded model: never twice in memory, and nobody's answer is cut."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.plans import plain_plan

from desktop.core.cancelled import never
from desktop.engine.api import ChatMessage, Failed, Finished, Generate, Sampling, Text
from desktop.engine.endpoint.http import Address, ConnectionLostError, Endpoint, EndpointError
from desktop.services.container import Container
from desktop.services.engine.supervisor import AnswerEvent, EngineState
from desktop.services.serve.api import ServedModel
from desktop.store.paths import Paths

pytestmark = pytest.mark.engine
SECONDS = 120.0
LONG = 24  # tokens


class Room:
    """A window's engine and a lender, with what the engine said."""

    def __init__(self, paths: Paths, starter: Path) -> None:
        self._others = _servers()  # of fixtures that last longer than a test
        self.container = Container(paths)
        self.engine, self.lender = self.container.engine, self.container.lender
        self.states: queue.Queue[EngineState] = queue.Queue()
        self.engine.subscribe(self.states.put)
        found = self.lender.find("starter")
        assert found is not None
        self.starter: ServedModel = found
        self.plan = plain_plan(starter, 1024, name="starter")

    def until(self, phase: str) -> EngineState:
        while (state := self.states.get(timeout=SECONDS)).phase != phase:
            assert state.phase != "died", state
        return state

    def load(self) -> int:
        self.engine.load(self.plan)
        pid = self.until("ready").pid
        assert pid is not None
        return pid

    def servers(self) -> list[int]:
        return sorted(_servers() - self._others)


def _servers() -> set[int]:
    return {one.pid for one in psutil.Process().children() if "llama-server" in one.name()}


class Api(threading.Thread):
    """Another program's answer, streamed."""

    def __init__(self, address: Address, tokens: int = LONG) -> None:
        super().__init__()
        self._endpoint = Endpoint(address)
        self._body = {
            "messages": [{"role": "user", "content": "Count."}], "max_tokens": tokens, "ignore_eos": True,
            "stream": True, "stream_options": {"include_usage": True}, "temperature": 0,
        }  # fmt: skip
        self.began = threading.Event()
        self.tokens = 0
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            with self._endpoint.stream("/v1/chat/completions", self._body) as stream:
                for data in stream:
                    self.began.set()
                    usage = json.loads(data).get("usage") or {}
                    self.tokens = usage.get("completion_tokens", self.tokens)
        except (ConnectionLostError, EndpointError) as error:
            self.error = error
        finally:
            self.began.set()

    def whole(self) -> bool:
        self.join(SECONDS)
        assert self.error is None, self.error
        return self.tokens == self._body["max_tokens"]


@pytest.fixture
def room(paths: Paths, starter_model: Path) -> Iterator[Room]:
    made = Room(paths, starter_model)
    yield made
    made.container.close()
    assert made.servers() == []


def test_what_the_window_holds_is_lent_from_there(room: Room) -> None:
    pid = room.load()
    lease = room.lender.acquire(room.starter, "text", never)
    assert lease.loaded.pid == pid and room.servers() == [pid] and lease.plan is room.plan
    state = next(state for state in room.lender.states() if state.model is room.starter)
    assert (state.phase, state.leases, state.in_chat) == ("answering", 1, True)
    assert Api(lease.address, 5).whole()
    lease.release()
    state = next(state for state in room.lender.states() if state.model is room.starter)
    assert (state.phase, state.leases) == ("ready", 0) and not room.engine.state.lent


def test_what_the_lender_holds_goes_before_the_window_loads_it(room: Room) -> None:
    lease = room.lender.acquire(room.starter, "text", never)
    answer = Api(lease.address)
    assert answer.began.wait(SECONDS)
    room.engine.load(room.plan)
    while not room.until("loading").lent:
        pass
    assert room.engine.state.phase == "loading" and room.servers() == [lease.loaded.pid]
    assert answer.whole()
    lease.release()
    assert not room.until("loading").lent
    ready = room.until("ready")
    assert room.servers() == [ready.pid]
    again = room.lender.acquire(room.starter, "text", never)
    assert again.loaded.pid == room.engine.state.pid
    again.release()


def test_another_model_in_the_window_waits_for_the_answers_of_others(room: Room) -> None:
    pid = room.load()
    lease = room.lender.acquire(room.starter, "text", never)
    answer = Api(lease.address)
    assert answer.began.wait(SECONDS)
    room.engine.load(plain_plan(room.plan.path, 512, name="another"))
    assert room.engine.state.lent, "the page can say why it does not begin"
    assert room.engine.lend(room.plan.path) is None, "nobody new gets what is about to go"
    assert answer.whole() and psutil.pid_exists(pid)
    lease.release()
    room.until("loading")
    state = room.until("ready")
    assert state.loaded is not None and state.loaded.context_length == 512 and room.servers() == [state.pid]


def test_a_model_that_answers_for_others_neither_sleeps_nor_is_unloaded(room: Room) -> None:
    pid = room.load()
    lease = room.lender.acquire(room.starter, "text", never)
    answer = Api(lease.address)
    assert answer.began.wait(SECONDS)
    room.engine.sleep()
    assert room.engine.state.phase == "ready"
    began, used = time.monotonic(), time.process_time()
    for _ in range(3):
        room.engine.unload()
    assert answer.whole()
    assert time.process_time() - used < 0.1 + 0.4 * (time.monotonic() - began), "it waits, and is not busy with that"
    assert psutil.pid_exists(pid)
    lease.release()
    room.until("stopped")
    assert room.servers() == []


def test_a_stop_in_the_window_leaves_the_answers_of_others_whole(room: Room) -> None:
    room.plan = plain_plan(room.plan.path, 1024, name="starter", slots=2)
    room.load()
    lease = room.lender.acquire(room.starter, "text", never)
    answer = Api(lease.address, 4 * LONG)
    assert answer.began.wait(SECONDS)
    events: queue.Queue[AnswerEvent] = queue.Queue()
    question = (ChatMessage("user", "Tell me a long story."),)
    room.engine.generate(Generate(0, question, sampling=Sampling(temperature=0.0), max_tokens=500), events.put)
    while not isinstance(events.get(timeout=SECONDS), Text):
        pass
    room.engine.cancel()
    while not isinstance(event := events.get(timeout=SECONDS), Finished | Failed):
        pass
    assert isinstance(event, Finished) and event.reason == "cancelled"
    assert answer.whole()
    lease.release()


def test_after_a_stop_in_the_window_the_next_answer_of_another_is_whole(room: Room) -> None:
    room.load()
    events: queue.Queue[AnswerEvent] = queue.Queue()
    room.engine.generate(Generate(0, (ChatMessage("user", "A story."),), max_tokens=500), events.put)
    while not isinstance(events.get(timeout=SECONDS), Text):
        pass
    room.engine.cancel()
    lease = room.lender.acquire(room.starter, "text", never)
    assert Api(lease.address, 20).whole()
    lease.release()


def test_a_load_that_is_given_up_while_it_waits_leaves_nothing_behind(room: Room) -> None:
    pid = room.load()
    lease = room.lender.acquire(room.starter, "text", never)
    room.engine.load(plain_plan(room.plan.path, 512, name="another"))
    room.until("loading")
    room.engine.cancel()
    assert room.until("stopped").failure is not None
    assert psutil.pid_exists(pid) and Api(lease.address, 5).whole()
    process = psutil.Process(pid)
    lease.release()
    process.wait(SECONDS)
    room.load()
