"""A real engine process driven step by step, its events awaited with a deadline."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar, cast

from desktop.engine.api import (
    ChatMessage,
    EngineDied,
    Event,
    Failed,
    Finished,
    Generate,
    Hello,
    Load,
    Loaded,
    Request,
    Sampling,
    Text,
)
from desktop.engine.server.client import EngineClient
from desktop.system.cores import physical_threads

T = TypeVar("T")
DEADLINE_SECONDS = 60.0
GREEDY = Sampling(temperature=0.0)


class DrivenEngine:
    """Sends requests and waits for the event that answers them; everything heard is kept in ``heard``."""

    def __init__(self, folder: Path) -> None:
        self.events: queue.Queue[Event | EngineDied] = queue.Queue()
        self.heard: list[Event | EngineDied] = []
        self.reasoning = ""
        self.client = EngineClient(folder / "logs" / "engine.log", folder / "scratch", self.events.put)

    @property
    def pid(self) -> int:
        """The server's process."""
        pid = self.client.pid
        assert pid is not None, "no model is loaded"
        return pid

    def next(self) -> Event | EngineDied:
        event = self.events.get(timeout=DEADLINE_SECONDS)
        self.heard.append(event)
        return event

    def wait(self, *kinds: type[T]) -> T:
        """The next event of one of these kinds; AssertionError where the engine dies and nobody waits for that."""
        while True:
            event = self.next()
            if isinstance(event, kinds):
                return event
            assert not isinstance(event, EngineDied), event

    def hello(self) -> Hello:
        self.client.description.describe()
        return self.wait(Hello)

    def load(self, path: Path, context_length: int = 2048, **options: object) -> Loaded:
        result = self.try_load(path, context_length, **options)
        assert isinstance(result, Loaded), result
        return result

    def try_load(self, path: Path, context_length: int = 2048, **options: object) -> Loaded | Failed | EngineDied:
        known: dict[str, object] = {"threads": physical_threads(), "shares_cores": "threads" not in options}
        self.send(Load(str(path), context_length, **(known | options)))  # type: ignore[arg-type]
        return cast(Loaded | Failed | EngineDied, self.wait(Loaded, Failed, EngineDied))

    def send(self, request: Request) -> None:
        self.client.send(request)

    def ask(self, *turns: str, number: int = 1, **options: object) -> tuple[str, Finished]:
        """Answer a conversation (user first, then alternating); text and figures."""
        roles = ("user", "assistant")
        messages = tuple(ChatMessage(roles[i % 2], text) for i, text in enumerate(turns))  # type: ignore[arg-type]
        return self.generate(Generate(number, messages, **({"sampling": GREEDY} | options)))  # type: ignore[arg-type]

    def generate(self, request: Generate) -> tuple[str, Finished]:
        self.send(request)
        return self.finish(request.request_id)

    def finish(self, number: int) -> tuple[str, Finished]:
        """Text and end of an answer already asked for."""
        pieces: list[str] = []
        while True:
            event = self.next()
            if isinstance(event, Text) and event.request_id == number:
                pieces.append(event.text)
                self.reasoning += event.reasoning
            if isinstance(event, Finished | Failed | EngineDied):
                assert isinstance(event, Finished), event
                assert event.request_id == number
                return "".join(pieces), event


@contextmanager
def driven_engine(folder: Path) -> Iterator[DrivenEngine]:
    """An engine that ends with the block."""
    engine = DrivenEngine(folder)
    try:
        yield engine
    finally:
        engine.client.close()
