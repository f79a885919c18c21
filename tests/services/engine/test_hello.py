"""Who waits for the engine's first word does not keep the program from ending."""

from __future__ import annotations

import threading

import pytest

from desktop.core.errors import HeftError
from desktop.engine.server import client
from desktop.services.engine.supervisor import EngineService, EngineState
from desktop.store.paths import Paths

SECONDS = 30.0


class SilentDescription:
    """One that is never done."""

    patience = 10 * SECONDS

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
    assert starting.wait(SECONDS)
    engine.close()
    asking.join(SECONDS)
    assert told == ["The engine did not answer."] and not asking.is_alive()


def test_none_is_started_once_it_is_closed(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    monkeypatch.setattr(client, "EngineClient", lambda *_: started.append("an engine"))
    engine = EngineService(paths)
    engine.close()
    with pytest.raises(HeftError, match="Heft is being closed"):
        engine.hello()
    assert started == [] and engine.state.phase == "stopped"
