"""The window's engine as the lender sees it, and how many slots a served model gets; no process is started."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.lender_computer import GB, a_model, a_plan

from desktop.core.cancelled import Cancelled, never
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_kind import ModelKind
from desktop.core.model_ref import ModelRef
from desktop.core.placement import Placement
from desktop.engine.api import Loaded, Memory
from desktop.engine.endpoint.http import Address
from desktop.engine.server.loans import Lent, Loans
from desktop.services.engine.supervisor import EngineState
from desktop.services.serve.estimates import estimates
from desktop.services.serve.making import served_plan
from desktop.services.serve.window import EngineWindow

MODEL, OTHER = a_model("smol", 2 * GB), a_model("other", 3 * GB)
LOADED = Loaded("", "", 1, 1, 1, 0, 1, "model", Memory(0, 0, 0, 0, 0, 0), 4.0)


class Engine:
    """What is asked of :class:`desktop.services.engine.supervisor.EngineService`."""

    def __init__(self) -> None:
        self.state = EngineState()
        self.lent, self.slept = 0, 0
        self.held_plans: tuple[LoadPlan, ...] = ()
        self._listeners: list[Callable[[EngineState], None]] = []

    def tell(self, state: EngineState) -> None:
        self.state = state
        self.held_plans = (state.plan,) if state.plan and state.phase in ("ready", "generating", "loading") else ()
        for listener in self._listeners:
            listener(state)

    def lend(self, path: Path) -> tuple[LoadPlan, Lent] | None:
        if self.state.plan is None or self.state.plan.ref.path != path:
            return None
        self.lent += 1
        return self.state.plan, Lent(Address(port=7), LOADED, lambda: None)

    def sleep(self) -> None:
        self.slept += 1
        if self.state.phase == "ready":
            self.tell(EngineState("asleep", self.state.plan))

    def subscribe(self, listener: Callable[[EngineState], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def window(engine: Engine) -> EngineWindow:
    return EngineWindow(engine, lambda: 50.0)  # type: ignore[arg-type]


def test_its_model_is_lent_and_no_other(engine: Engine, window: EngineWindow) -> None:
    assert window.lend(MODEL.ref) is None
    engine.tell(EngineState("ready", a_plan(MODEL), loaded=LOADED))
    loan = window.lend(MODEL.ref)
    assert loan is not None and loan.address.port == 7 and loan.plan == a_plan(MODEL)
    assert window.lend(OTHER.ref) is None and window.lend(ModelRef("x", "hf:a/b/c")) is None


def test_what_it_loads_is_waited_for(engine: Engine, window: EngineWindow) -> None:
    engine.tell(EngineState("loading", a_plan(MODEL)))
    assert window.wants(MODEL.ref) and not window.wants(OTHER.ref)
    (holding,) = window.holdings()
    assert holding.busy and holding.last and holding.bytes == {"": 2 * GB}
    state = window.state(MODEL)
    assert state is not None and (state.phase, state.in_chat) == ("loading", True) and window.state(OTHER) is None


def test_an_idle_one_goes_where_its_memory_is_needed(engine: Engine, window: EngineWindow) -> None:
    engine.tell(EngineState("ready", a_plan(MODEL), loaded=LOADED))
    (holding,) = window.holdings()
    assert not holding.busy and holding.load_seconds == 4.0
    window.let_go()
    assert engine.state.phase == "asleep" and window.holdings() == () and window.state(MODEL) is None


def test_one_that_answers_stays(engine: Engine, window: EngineWindow) -> None:
    engine.tell(EngineState("generating", a_plan(MODEL), loaded=LOADED, tokens_per_second=9.0))
    assert window.holdings()[0].busy
    window.let_go()
    assert engine.state.phase == "generating"
    state = window.state(MODEL)
    assert state is not None and (state.phase, state.tokens_per_second) == ("answering", 9.0)


def test_it_tells_of_what_it_does_and_not_of_its_speed(engine: Engine, window: EngineWindow) -> None:
    heard: list[str] = []
    window.subscribe(lambda: heard.append(engine.state.phase))
    engine.tell(EngineState("generating", a_plan(MODEL)))
    for rate in (1.0, 2.0):
        engine.tell(replace(engine.state, tokens_per_second=rate))
    engine.tell(replace(engine.state, phase="ready"))
    assert heard == ["generating", "ready"]


def test_loans_are_awaited_and_nobody_new_gets_one_meanwhile() -> None:
    loans = Loans()
    assert loans.end(never) and not loans.take()
    loans = Loans()
    assert loans.take() and loans
    looks: list[bool] = []

    def give_back() -> bool:
        looks.append(loans.take())
        if len(looks) == 2:
            loans.give_back()
        return False

    assert loans.end(give_back) and looks == [False, False] and not loans
    loans = Loans()
    loans.take()
    assert not loans.end(lambda: True) and loans.take(), "given up: it is lent again"
    loans.close()
    assert not loans.take()


class Planning:
    """Plans whose memory grows by the slots, on a computer with room for so many."""

    def __init__(self, room: int, remembered: LoadSettings | None = None) -> None:
        self.room, self.remembered = room, remembered or LoadSettings()
        self.ways: set[tuple[str | None, str]] = set()

    def here(self) -> str:
        return "here"

    def for_load(
        self, ref: ModelRef, asked: LoadSettings | None = None, cancelled: Cancelled = never, *,
        here: str | None = None, method: str = "engine",
    ) -> LoadPlan:  # fmt: skip
        self.ways.add((here, method))
        wanted = (asked or LoadSettings()).over(self.remembered)
        plan = replace(a_plan(MODEL), ref=ref, asked=wanted)
        assert plan.fit is not None
        placement: Placement = "cpu" if (wanted.slots or 1) <= self.room else "too-large"
        return replace(plan, fit=replace(plan.fit, placement=placement))


@pytest.mark.parametrize(("room", "slots"), [(9, 4), (4, 4), (3, 2), (2, 2), (1, 1), (0, 1)])
def test_as_many_slots_as_there_is_room_for(room: int, slots: int) -> None:
    plan = served_plan(Planning(room), MODEL.ref, "text", never)  # type: ignore[arg-type]
    assert plan.slots == slots


@pytest.mark.parametrize(("kind", "slots"), [(ModelKind.CHAT, 4), (ModelKind.EMBEDDING, 1)])
def test_what_is_not_loaded_is_estimated_as_it_will_be_lent(kind: ModelKind, slots: int) -> None:
    planning = Planning(9)
    model = replace(MODEL, kind=kind)
    found = estimates(planning, (model,), never)  # type: ignore[arg-type]
    assert found[model.name].slots == slots and planning.ways == {("here", "estimate")}


def test_a_number_that_was_set_counts_and_vectors_are_made_one_by_one() -> None:
    assert served_plan(Planning(9, LoadSettings(slots=7)), MODEL.ref, "text", never).slots == 7  # type: ignore[arg-type]
    assert served_plan(Planning(9), MODEL.ref, "embedding", never).slots == 1  # type: ignore[arg-type]
