"""A model that was let go because nobody used it: its process is gone, and every way to an answer wakes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from support.desk import DEADLINE_SECONDS, Desk

from desktop.engine.api import Generate
from desktop.services.engine.supervisor import EngineState
from desktop.store.chats import Message
from desktop.store.paths import Paths

pytestmark = pytest.mark.engine


@pytest.fixture
def desk(paths: Paths) -> Iterator[Desk]:
    made = Desk(paths)
    yield made
    made.close()


def _until(desk: Desk, holds: Callable[[EngineState], bool]) -> EngineState:
    while not holds(state := desk.states.get(timeout=DEADLINE_SECONDS)):
        pass
    return state


@pytest.mark.parametrize("way", ["send", "regenerate", "edit", "continue"])
def test_every_way_to_an_answer_wakes_it_as_it_was_planned(desk: Desk, starter_model: Path, way: str) -> None:
    ready = desk.load(starter_model, 512)
    chat = desk.new_chat(max_tokens=6)
    desk.chat.send(chat, "Count from one to ten.")
    first = desk.answered()
    assert ready.pid is not None
    process = psutil.Process(ready.pid)
    desk.engine.sleep()
    process.wait(DEADLINE_SECONDS)
    asleep = desk.engine.state
    assert (asleep.phase, asleep.model_name, asleep.loaded, asleep.pid) == ("asleep", ready.model_name, None, None)

    question = desk.store.messages(chat)[0]
    ways: dict[str, Callable[[], None]] = {
        "send": lambda: desk.chat.send(chat, "And back?"),
        "regenerate": lambda: desk.chat.regenerate(first.id),
        "edit": lambda: desk.chat.edit(question.id, "Count from ten to one."),
        "continue": lambda: desk.chat.continue_(first.id),
    }
    ways[way]()
    answer: Message = desk.answered()
    assert answer.content and answer.state == "length"
    again = desk.engine.state
    assert again.phase == "ready" and again.plan is ready.plan and again.pid != ready.pid


def test_it_does_not_fall_asleep_amid_an_answer(desk: Desk, starter_model: Path) -> None:
    desk.load(starter_model, 512)
    chat = desk.new_chat(max_tokens=40)
    desk.chat.send(chat, "Count from one to ten.")
    _until(desk, lambda state: state.phase == "generating")
    desk.engine.sleep()
    assert desk.answered().state == "length"
    assert desk.engine.state.phase == "ready"


def test_a_model_that_wakes_at_once_is_there(desk: Desk, starter_model: Path) -> None:
    """The load is asked for before the process of the one that sleeps has ended."""
    desk.load(starter_model, 512)
    plan = desk.engine.last_plan
    assert plan is not None
    desk.engine.sleep()
    desk.engine.load(plan)
    assert _until(desk, lambda state: state.phase in ("ready", "stopped", "died")).phase == "ready"
    assert desk.engine.count(Generate(0, prompt="Hello")) >= 1
