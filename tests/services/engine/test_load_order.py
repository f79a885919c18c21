"""Which model counts: the newer one of two loads at the same time, and none whose files were removed."""

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


@pytest.mark.engine
def test_a_model_whose_files_are_removed_is_not_asked_for_again(
    desk: Desk, starter_model: Path, tmp_path: Path
) -> None:
    def until(phase: str) -> EngineState:
        while (state := desk.states.get(timeout=DEADLINE_SECONDS)).phase != phase:
            pass
        return state

    copy = tmp_path / "copy.gguf"
    copy.symlink_to(starter_model)
    desk.engine.load(plain_plan(copy, 512, name="copy"))
    until("ready")
    desk.engine.forget([copy])  # it is held: only who lets go of it first may remove it
    assert desk.engine.state.phase == "ready" and desk.engine.last_plan is not None
    desk.engine.unload()
    assert until("stopped").removed == ""
    desk.engine.forget([starter_model])
    assert desk.engine.last_plan is not None, "another file"
    desk.engine.forget([copy])
    assert until("stopped").removed == desk.engine.state.removed == "copy"
    assert desk.engine.last_plan is None
    desk.engine.load(plain_plan(starter_model, 512))
    assert until("ready").removed == ""
