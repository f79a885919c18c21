"""The engine, supervised: what it holds, what it does, and that it can always be started again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from desktop.core.cancelled import Cancelled
from desktop.core.deadline import Deadline
from desktop.core.errors import EngineError, HeftError
from desktop.core.failures import FailureKind
from desktop.core.load_plan import LoadPlan
from desktop.core.words import tr
from desktop.engine.api import (
    Benchmark,
    Benchmarked,
    Count,
    EngineDied,
    Event,
    Failed,
    Finished,
    Generate,
    Hello,
    Load,
    Loaded,
    LoadProgress,
    PromptProgress,
    Text,
    Unload,
    Unloaded,
)
from desktop.services.endpoints.client import EitherClient, no_endpoints
from desktop.services.engine.counting import Counts
from desktop.services.engine.state import EngineState, Phase, lost
from desktop.services.engine.state_log import asked_of, log_state
from desktop.services.models.kind_words import must_write_text
from desktop.store.paths import Paths
from desktop.system.listeners import Listeners

if TYPE_CHECKING:
    from desktop.engine.endpoint.client import FindAddress
    from desktop.engine.server.loans import Lent

__all__ = ["AnswerEvent", "EngineService", "EngineState", "Phase"]

AnswerEvent = PromptProgress | Text | Finished | Failed | Benchmarked | EngineDied
MakeWay = Callable[[LoadPlan, Cancelled, Callable[[], None]], None]
_log = logging.getLogger(__name__)
_HOLDING = ("ready", "generating")
_LOOK_SECONDS = 0.5
_RATE_SECONDS = 0.5  # a state for each batch of text would wake every listener for a figure nobody reads that fast


class EngineService:
    """Starts an engine when it is first needed and again after it died. Thread-safe.

    Listeners are called in the order of the events, mostly on a background thread, never with a lock held.
    """

    def __init__(
        self, paths: Paths, changed: Callable[[], None] = lambda: None, find: FindAddress = no_endpoints
    ) -> None:
        """``changed`` hears that the engine has other backends or devices; ``find`` knows other servers' addresses."""
        self._paths, self._changed, self._find = paths, changed, find
        self._lock = threading.RLock()
        self._load_order = threading.Lock()
        self._client: EitherClient | None = None
        self._closed = False
        self._state = EngineState()
        self._hello: Hello | None = None
        self._known_as: Hello | None = None  # what it was when it was asked last
        self._greeted = threading.Condition(self._lock)
        self._listeners = Listeners[EngineState]()
        self._last_plan: LoadPlan | None = None
        self._wanted_load = 0
        self._requests = 0
        self._rate_told = 0.0
        self._answering: tuple[int, Callable[[AnswerEvent], None]] | None = None
        self._counts = Counts()
        self._lent = 0
        self._parting: LoadPlan | None = None  # still held, while another model is wanted already
        self.make_way: MakeWay = lambda _plan, _cancelled, _waits: None

    @property
    def state(self) -> EngineState:
        return self._state

    @property
    def last_plan(self) -> LoadPlan | None:
        """The plan asked for last: what "load again" means."""
        return self._last_plan

    def subscribe(self, listener: Callable[[EngineState], None]) -> Callable[[], None]:
        """Hear every change of state; returns the way to stop hearing."""
        return self._listeners.add(listener)

    def hello(self) -> Hello:
        """What the installed engine is; starts the process when it does not run. Raises EngineError."""
        with self._greeted:
            if self._hello is None:
                client = self._ensure_client()
                client.description.describe()
                deadline = Deadline(client.description.patience)
                while not (self._greeted.wait_for(self._heard, _LOOK_SECONDS) or deadline.over()):
                    pass
            if self._hello is None:
                died = self._state.died
                raise EngineError(
                    died.message if died else tr("The engine did not answer."),
                    died.hint if died else tr("Start Heft again."),
                    detail=died.log_tail if died else "",
                    kind=died.kind if died else None,
                )
            return self._hello

    def _heard(self) -> bool:
        """Whether there is an answer, or none will come: the process died, or the program ends."""
        return self._hello is not None or self._state.died is not None or self._client is None

    def forget_description(self) -> None:
        """The backends have changed: the engine is asked again what it is. A model that is held stays as it is."""
        with self._lock:
            self._hello, client = None, self._client
        if client is not None:
            client.forget_description()

    def load(self, plan: LoadPlan) -> None:
        """Load a model as it was planned, in place of the present one; returns at once, listeners hear the rest.

        Raises HeftError for a file that writes no text ("cannot-chat"), for one that is known to be none that the
        engine could load, and for layers that do not fit their device ("device-full"): no engine is started with them.
        """
        must_write_text(plan.ref.name, plan.kind, plan.fault)
        from desktop.services.planning.room import must_have_room  # with the first model

        must_have_room(plan)
        with self._lock:
            self._requests += 1
            self._wanted_load = self._requests
            request = msgspec.structs.replace(Load.of(plan), request_id=self._requests)
            self._last_plan = plan
            if self._state.phase in _HOLDING and not self._state.endpoint:
                self._parting = self._state.plan
            loading = EngineState("loading", plan, lent=self._lent > 0)
        try:
            client = self._ensure_client(loading)
        except HeftError as error:
            self._change(replace(loading, phase="stopped", failure=error))
            return
        _log.info("loading %s: %s", plan.ref.name, asked_of(request))
        with self._load_order:
            if request.request_id == self._wanted_load:  # else another thread asked for a newer load meanwhile
                client.cancel()  # whatever still runs or loads makes room
                client.send(request)

    def generate(self, request: Generate, listener: Callable[[AnswerEvent], None]) -> int:
        """Begin one answer; ``listener`` hears its events, the last being Finished, Failed or EngineDied.

        ``request_id`` is filled in here and returned. Raises EngineError when no model is loaded or one is answering.
        """
        return self._submit(request, listener)

    def benchmark(self, request: Benchmark, listener: Callable[[AnswerEvent], None]) -> int:
        """Like :meth:`generate`, for a benchmark; the last event is Benchmarked, Failed or EngineDied."""
        return self._submit(request, listener)

    def count(self, asked: Generate) -> int:
        """How many tokens a conversation is as a prompt; waits, never on the engine's own thread. Raises HeftError."""
        with self._lock:
            client = self._ready_client()
            self._requests += 1
            number = self._requests
        self._counts.begin(number)
        client.send(Count(number, asked))
        return self._counts.wait(number)

    def _ready_client(self) -> EitherClient:
        """The client while its model is idle. Raises EngineError."""
        if self._client is None or self._state.phase != "ready":
            busy = self._state.phase == "generating"
            raise EngineError(
                tr("The engine is still answering.") if busy else tr("No model is loaded."),
                tr("Stop the running answer first.") if busy else tr("Load a model first."),
                kind=FailureKind.BUSY if busy else FailureKind.NO_MODEL,
            )
        return self._client

    def _submit(self, request: Generate | Benchmark, listener: Callable[[AnswerEvent], None]) -> int:
        with self._lock:
            client = self._ready_client()
            self._requests += 1
            number = self._requests
            self._answering = (number, listener)
            self._set(replace(self._state, phase="generating", tokens_per_second=0.0, failure=None))
        self._announce()
        client.send(msgspec.structs.replace(request, request_id=number))
        return number

    def cancel(self) -> None:
        """Stop a running load, answer or benchmark."""
        with self._lock:
            client = self._client
        if client is not None:
            client.cancel()

    def unload(self) -> None:
        """Free the model's memory: its process ends."""
        with self._lock:
            client = self._client
        if client is not None:
            client.cancel()
            client.send(Unload())

    def sleep(self) -> None:
        """Free the memory of a model that is idle; its plan stays for the next question. Else nothing happens."""
        with self._lock:
            state, client = self._state, self._client
            if client is None or state.phase != "ready" or self._lent or state.endpoint:
                return
            self._set(EngineState("asleep", state.plan))
            self._parting = state.plan
            client.send(Unload())
        _log.info("%s was idle and is let go", state.model_name)
        self._announce()

    def lend(self, path: Path) -> tuple[LoadPlan, Lent] | None:
        """The model of this file for another program's answer, held until it is given back; None where it is not held,
        or is about to go."""
        with self._lock:
            client, state = self._client, self._state
            if client is None or state.plan is None or state.phase not in _HOLDING or state.plan.ref.path != path:
                return None
            if (lent := client.lend()) is None:
                return None
            self._count_lent(1)
        self._announce()
        return state.plan, replace(lent, give_back=lambda: self._given_back(lent))

    def _given_back(self, lent: Lent) -> None:
        with self._lock:
            self._count_lent(-1)
        lent.give_back()
        self._announce()

    def _count_lent(self, more: int) -> None:
        self._lent += more
        self._set(replace(self._state, lent=self._lent > 0))

    @property
    def lent(self) -> int:
        """How many answers of other programs run on its model."""
        return self._lent

    @property
    def held_plans(self) -> tuple[LoadPlan, ...]:
        """Of all that has memory now, or will have in a moment."""
        with self._lock:
            plans = (self._state.plan if self._state.phase in (*_HOLDING, "loading") else None, self._parting)
        return tuple(plan for plan in plans if plan is not None and plan.ref.elsewhere is None)

    def forget(self, files: Collection[Path]) -> None:
        """These files were removed: a model of theirs that was asked for last is not loaded again."""
        with self._lock:
            last, state = self._last_plan, self._state
            if last is None or last.ref.path not in files or state.phase in ("loading", "ready", "generating"):
                return
            self._last_plan = None
            self._set(EngineState("stopped", removed=last.ref.name))
        self._announce()

    def close(self) -> None:
        """End the process; none is started any more."""
        with self._lock:
            self._closed, client, self._client = True, self._client, None
        if client is not None:
            client.close()
        self._change(EngineState())

    # -- inside ----------------------------------------------------------------------------------

    def _ensure_client(self, state: EngineState | None = None) -> EitherClient:
        with self._lock:
            if self._closed:
                raise EngineError(
                    tr("Heft is being closed."), tr("Ask again when it runs."), kind=FailureKind.CANCELLED
                )
            if self._client is None:
                generation: list[EitherClient] = []
                self._client = EitherClient(
                    self._paths.logs / "engine.log",
                    self._paths.scratch,
                    lambda event: self._on_event(event, generation),
                    self._find,
                    self._make_way_for,
                )
                generation.append(self._client)
                if state is None:
                    self._set(EngineState("starting"))
            if state is not None:
                self._set(state)
            client = self._client
        self._announce()
        return client

    def _make_way_for(self, load: Load, cancelled: Cancelled) -> None:
        with self._lock:
            self._parting, plan = None, self._state.plan
            wanted = self._state.phase == "loading" and load.request_id == self._wanted_load
        if wanted and plan is not None:
            self.make_way(plan, cancelled, self._tell_waiting)
            self._tell_waiting(waits=False)

    def _tell_waiting(self, *, waits: bool = True) -> None:
        with self._lock:
            if self._state.lent == waits:
                return
            self._set(replace(self._state, lent=waits))
        self._announce()

    def _set(self, state: EngineState) -> None:
        with self._lock:
            self._state = state

    def _change(self, state: EngineState) -> None:
        self._set(state)
        self._announce()

    def _announce(self) -> None:
        self._listeners.tell(self.state)

    def _on_event(self, event: Event | EngineDied, source: list[EitherClient]) -> None:
        self._counts.hear(event)
        with self._lock:
            if source and self._client is not source[0]:
                return  # the last words of a process that was replaced
            answering = self._answering
            follow = self._next_state(event)
            if follow is not None:
                self._state = follow
            if isinstance(event, EngineDied) or (
                isinstance(event, Finished | Benchmarked | Failed)
                and answering is not None
                and event.request_id == answering[0]
            ):
                self._answering = None
        if follow is not None:
            self._announce()
            log_state(follow, event)
        if answering is not None and isinstance(event, AnswerEvent):
            number, listener = answering
            if isinstance(event, EngineDied) or event.request_id == number:
                listener(event)

    def _next_state(self, event: Event | EngineDied) -> EngineState | None:
        """The state after an event, None when it changes nothing; called with the lock held."""
        state = self._state
        wanted_load = self._wanted_load
        match event:
            case Hello():
                self._hello, before, self._known_as = event, self._known_as, event
                if before is not None and (event.backends, event.left_out) != (before.backends, before.left_out):
                    self._changed()
                self._greeted.notify_all()
                return replace(state, phase="stopped") if state.phase == "starting" else None
            case Loaded() if state.phase == "generating":  # in a new process: another template, an unseen death
                return replace(state, loaded=event, pid=event.pid or None)
            case LoadProgress() | Loaded() if event.request_id != wanted_load or state.phase != "loading":
                return None  # replaced by a newer load while it was on its way
            case LoadProgress(fraction=fraction):
                return replace(state, progress=fraction, pid=event.pid)
            case Loaded():
                return replace(state, phase="ready", progress=1.0, loaded=event, failure=None, pid=event.pid or None)
            case Text() if state.phase == "generating":
                now = time.monotonic()
                if now - self._rate_told < _RATE_SECONDS:
                    return None
                self._rate_told = now
                return replace(state, tokens_per_second=event.tokens_per_second)
            case Finished() | Benchmarked() | Failed() if state.phase == "generating":
                return replace(state, phase="ready", tokens_per_second=0.0, failure=lost(state, event))
            case Failed() if state.phase == "loading":
                if event.request_id != wanted_load:
                    return None
                return EngineState("stopped", state.plan, failure=event.error())
            case Unloaded():
                self._parting = None
                return None if state.phase in ("asleep", "loading", "stopped") else EngineState("stopped")
            case EngineDied():
                self._client = self._parting = None
                self._greeted.notify_all()
                return EngineState("died", state.plan, died=event)
            case _:
                return None
