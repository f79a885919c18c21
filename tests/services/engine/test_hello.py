"""Who waits for the engine's first word does not keep the program from ending."""

from __future__ import annotations

import threading
import time

import pytest

from desktop.core.errors import HeftError
from desktop.engine.server import client
from desktop.services.engine.supervisor import EngineService, EngineState
from desktop.store.paths import Paths


class SilentDescription:
    """One that is never done."""

    patience = 30.0

    def describe(self) -> None: ...


class Silent:
    """An engine that never says a word."""

    def __init__(self, *_: object) -> None:
        self.description = SilentDescription()

    def close(self) -> None: ...


def test_the_wait_ends_with_the_engine(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "EngineClient", Silent)
    engine = EngineService(paths)
    starting, told = threading.Event(), []

    def hear(state: EngineState) -> None:
        if state.phase == "starting":
            starting.set()

    def ask() -> None:
        try:
            engine.hello()
        except HeftError as error:
            told.append(error.message)

    engine.subscribe(hear)
    asking = threading.Thread(target=ask)
    asking.start()
    assert starting.wait(5)
    before = time.monotonic()
    engine.close()
    asking.join(10)
    assert told == ["The engine did not answer."] and time.monotonic() - before < 5
