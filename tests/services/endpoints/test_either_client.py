"""Which engine a request is for, this computer's or another server's, and that neither speaks for the other."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.openai_server import OpenAIServer, answer

from desktop.core.errors import NotFoundError
from desktop.core.failures import FailureKind
from desktop.core.load_settings import LoadSettings
from desktop.engine.api import (
    EngineDied,
    Event,
    Generate,
    Hello,
    Load,
    Loaded,
    LoadProgress,
    Request,
    Text,
    Unload,
    Unloaded,
)
from desktop.engine.endpoint import client as endpoint_module
from desktop.engine.server import client as engine_module
from desktop.services.chat.events import MessageFinished
from desktop.services.container import Container
from desktop.services.endpoints.client import EitherClient, no_endpoints
from desktop.store.paths import Paths

HERE, ELSEWHERE = Load("/models/a.gguf", 512), Load("endpoint:studio/a", 512)
HELLO = Hello("llama.cpp 1", (), ("CPU",), (), ())
DIED = EngineDied(FailureKind.CRASHED, "It crashed.", "Load it again.", "log", -6)


class Fake:
    """Either kind; ``tell`` is its way to speak."""

    patience = 7.0

    def __init__(self, tell: Callable[[Any], None]) -> None:
        self.tell = tell
        self.sent: list[Request] = []
        self.cancels = self.closed = self.described = self.forgotten = 0

    def send(self, request: Request) -> None:
        self.sent.append(request)

    def cancel(self) -> None:
        self.cancels += 1

    def describe(self) -> None:
        self.described += 1

    def forget(self) -> None:
        self.forgotten += 1

    def lend(self) -> str:
        return "a loan"

    @property
    def description(self) -> Fake:
        return self

    def close(self) -> None:
        self.closed += 1


class Both:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        self.here: list[Fake] = []
        self.elsewhere: list[Fake] = []
        self.heard: list[Event | EngineDied] = []

        def engine(_log: Path, _scratch: Path, tell: Callable[[Any], None], _make_way: object) -> Fake:
            self.here.append(Fake(tell))
            return self.here[-1]

        def other(_find: object, tell: Callable[[Any], None]) -> Fake:
            self.elsewhere.append(Fake(tell))
            return self.elsewhere[-1]

        monkeypatch.setattr(engine_module, "EngineClient", engine)
        monkeypatch.setattr(endpoint_module, "EndpointClient", other)
        self.client = EitherClient(
            tmp_path / "log", tmp_path, self.heard.append, no_endpoints, lambda _load, _cancelled: None
        )


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Both:
    return Both(monkeypatch, tmp_path)


def test_each_is_made_when_it_is_asked_for(both: Both) -> None:
    both.client.cancel()
    both.client.forget_description()
    assert not both.here and not both.elsewhere
    both.client.send(ELSEWHERE)
    assert not both.here and both.elsewhere[0].sent == [ELSEWHERE]
    both.client.description.describe()
    assert both.here[0].described == 1 and both.client.description.patience == 7.0
    both.client.forget_description()
    assert both.here[0].forgotten == 1


def test_requests_follow_the_last_load_and_the_one_that_is_left_lets_go(both: Both) -> None:
    asked = Generate(1)
    both.client.send(HERE)
    both.client.send(asked)
    (here,) = both.here
    assert here.sent == [HERE, asked]
    both.client.send(ELSEWHERE)
    assert here.cancels == 1 and here.sent[-1] == Unload()  # its memory is given back
    both.client.send(asked)
    both.client.cancel()
    (elsewhere,) = both.elsewhere
    assert elsewhere.sent == [ELSEWHERE, asked] and (elsewhere.cancels, here.cancels) == (1, 1)
    both.client.send(HERE)
    assert elsewhere.sent[-1] == Unload() and here.sent[-1] == HERE


def test_only_what_this_computer_holds_is_lent(both: Both) -> None:
    assert both.client.lend() is None and not both.here
    both.client.send(HERE)
    assert str(both.client.lend()) == "a loan"
    both.client.send(ELSEWHERE)
    assert both.client.lend() is None


def test_the_one_that_is_left_speaks_no_more(both: Both) -> None:
    both.client.send(HERE)
    both.client.send(ELSEWHERE)
    here, elsewhere = both.here[0], both.elsewhere[0]
    here.tell(Unloaded())
    here.tell(LoadProgress(0.5))
    here.tell(HELLO)  # what this computer's engine is, somebody may have asked
    elsewhere.tell(Text(1, "a", 1, 2, 3.0))
    both.client.send(HERE)
    elsewhere.tell(Unloaded())
    assert both.heard == [HELLO, Text(1, "a", 1, 2, 3.0)]


def test_an_engine_that_dies_does_not_take_another_server_s_answer_with_it(both: Both) -> None:
    both.client.send(ELSEWHERE)
    both.client.description.describe()
    both.here[0].tell(DIED)
    assert both.heard == []
    both.client.description.describe()  # and it can be asked again
    assert len(both.here) == 2
    both.client.send(HERE)
    both.here[1].tell(DIED)
    assert both.heard == [DIED] and both.elsewhere[0].closed == 1


def test_both_are_closed(both: Both) -> None:
    both.client.send(HERE)
    both.client.send(ELSEWHERE)
    both.client.close()
    assert (both.here[0].closed, both.elsewhere[0].closed) == (1, 1)
    with pytest.raises(NotFoundError):
        no_endpoints("studio")


@pytest.mark.engine
def test_from_this_computer_to_another_and_back(paths: Paths, starter_model: Path) -> None:
    with OpenAIServer("a") as server, Container(paths) as made:
        made.endpoints.add(server.url, "studio")
        server.answers = [answer("From afar.")]
        chat, engine = made.chats.create().id, made.engine
        answers = _answers(made)
        here = made.planning.for_load(made.library.resolve("starter").ref, LoadSettings(context=512))
        there = made.planning.for_load(made.endpoints.ref("endpoint:studio/a"))
        made.chats.update(chat, max_tokens=4)
        for plan, model in ((here, str(starter_model)), (there, "endpoint:studio/a"), (here, str(starter_model))):
            engine.load(plan)
            made.chat.send(chat, "Hello?")
            assert next(answers)
            loaded = engine.state.loaded
            assert isinstance(loaded, Loaded) and loaded.path == model
            assert (engine.state.pid is None) is bool(loaded.endpoint)


def _answers(made: Container) -> Iterator[str]:
    heard: queue.Queue[object] = queue.Queue()
    made.chat.subscribe(heard.put)

    def told() -> Iterator[str]:
        while True:
            event = heard.get(timeout=60)
            if isinstance(event, MessageFinished):
                yield event.message.content

    return told()
