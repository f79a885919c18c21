"""The window's own engine as the lender sees it: it may hold what is asked for, and memory that is needed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from desktop.core.deadline import Deadline
from desktop.core.model_ref import ModelRef
from desktop.services.serve.admission import Holding
from desktop.services.serve.api import ModelPhase, ModelState, ServedModel
from desktop.services.serve.loans import Loan
from desktop.services.serve.room import need_of

if TYPE_CHECKING:
    from desktop.services.engine.supervisor import EngineService, EngineState

WINDOW = "window"  # what the keys of its holdings begin with
_END_SECONDS = 10.0
_LOOK_SECONDS = 0.02


class Window(Protocol):
    """The window's own engine, which may hold a model that is asked for, or memory that is needed."""

    def lend(self, ref: ModelRef) -> Loan | None:
        """The model that it holds, if it is this one; None where it is not, or is about to go."""

    def wants(self, ref: ModelRef) -> bool:
        """Whether it loads this model now: it is lent once that is done."""

    def holdings(self) -> tuple[Holding, ...]:
        """What it holds or loads; keys begin with "window"."""

    def let_go(self) -> None:
        """Free its memory if nobody uses it. Waits."""

    def state(self, model: ServedModel) -> ModelState | None:
        """What it does with this model; None where it holds another."""

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Hear that any of that changed."""


class NoWindow:
    """A lender that is alone, as a command's."""

    def lend(self, ref: ModelRef) -> Loan | None:
        return None

    def wants(self, ref: ModelRef) -> bool:
        return False

    def holdings(self) -> tuple[Holding, ...]:
        return ()

    def let_go(self) -> None:
        return

    def state(self, model: ServedModel) -> ModelState | None:
        return None

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        return lambda: None


class EngineWindow:
    """:class:`Window` for the engine of the chat."""

    def __init__(self, engine: EngineService, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._clock = engine, clock
        self._heard: tuple[str, object, bool] = ("", None, False)
        self._since = clock()  # when it did something last

    def lend(self, ref: ModelRef) -> Loan | None:
        if ref.path is None or (found := self._engine.lend(ref.path)) is None:
            return None
        plan, lent = found
        return Loan(plan, lent.loaded, lent.address, lent.give_back)

    def wants(self, ref: ModelRef) -> bool:
        state = self._engine.state
        return state.phase == "loading" and state.plan is not None and state.plan.ref.path == ref.path

    def holdings(self) -> tuple[Holding, ...]:
        state, plans = self._engine.state, self._engine.held_plans
        busy = state.phase != "ready" or state.lent or len(plans) > 1
        seconds = state.loaded.seconds if state.loaded is not None else 0.0
        idle = self._clock() - self._since
        return tuple(
            Holding(f"{WINDOW} {number}", need_of(plan), busy, idle, seconds, last=True)
            for number, plan in enumerate(plans)
        )

    def let_go(self) -> None:
        self._engine.sleep()
        if self._engine.state.phase != "asleep":
            return  # it has got something to do meanwhile
        deadline, nothing = Deadline(_END_SECONDS), threading.Event()
        while self._engine.held_plans and not deadline.over():
            nothing.wait(_LOOK_SECONDS)

    def state(self, model: ServedModel) -> ModelState | None:
        state, path = self._engine.state, model.ref.path
        if state.plan is None or state.plan.ref.path != path or state.phase not in ("loading", "ready", "generating"):
            return None
        leases = self._engine.lent
        phase: ModelPhase = "answering" if leases or state.phase == "generating" else "ready"
        if state.phase == "loading":
            phase = "loading"
        return ModelState(
            model,
            phase,
            state.plan,
            leases=leases,
            in_chat=True,
            memory_bytes=sum(need_of(state.plan).values()),
            tokens_per_second=state.tokens_per_second,
        )

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        def hear(state: EngineState) -> None:
            doing = (state.phase, state.plan, state.lent)
            if doing != self._heard:  # a running answer tells of its speed all the time
                self._heard, self._since = doing, self._clock()
                listener()

        return self._engine.subscribe(hear)
