"""Two loads at the same time: the newer one counts, whichever thread reaches the engine first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.desk import DEADLINE_SECONDS, Desk
from support.plans import plain_plan

from desktop.services.engine.supervisor import EngineState
from desktop.store.paths import Paths


@pytest.fixture
def desk(paths: Paths) -> Iterator[Desk]:
    made = Desk(paths)
    yield made
    made.close()


@pytest.mark.engine
def test_a_load_that_is_overtaken_does_not_cancel_the_newer_one(desk: Desk, starter_model: Path) -> None:
    """As at a start: the model of the last time is being loaded while the first question asks for one."""
    older, newer = plain_plan(starter_model, 512, name="older"), plain_plan(starter_model, 1024, name="newer")

    def overtake(state: EngineState) -> None:
        if state.phase == "loading" and state.plan is older and desk.engine.last_plan is older:
            desk.engine.load(newer)  # between the older one's announcement and its request to the process

    desk.engine.subscribe(overtake)
    desk.engine.load(older)
    while (state := desk.states.get(timeout=DEADLINE_SECONDS)).phase not in ("ready", "stopped", "died"):
        pass
    assert (state.phase, state.failure) == ("ready", None)
    assert state.plan is newer and state.loaded is not None and state.loaded.context_length == 1024
