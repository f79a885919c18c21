"""Lends loaded models to requests: each is loaded once, when it is first asked for, and let go when nobody uses it.

A load waits for its turn, then for room (:mod:`desktop.services.serve.admission`), and is done on a thread of its own:
all who want the model wait for that one load, and it is given up when none of them waits any more. Memory counts from
the moment a load is admitted to the end of its process. No lock is held while anything is loaded, ended or asked.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from desktop.core.cancelled import Cancelled, CancelledError
from desktop.core.errors import EngineError, HeftError
from desktop.core.failures import FailureKind
from desktop.core.load_plan import LoadPlan
from desktop.core.words import tr
from desktop.engine.api import Loaded
from desktop.services.serve.admission import decide
from desktop.services.serve.api import Lease, ModelState, Purpose, ServedModel
from desktop.services.serve.loans import Load, Loan, OwnLease, Server
from desktop.services.serve.prospects import Prospects
from desktop.services.serve.purposes import must_serve
from desktop.services.serve.room import too_large
from desktop.services.serve.shelf import LOOK_SECONDS, Shelf
from desktop.services.serve.turns import WAIT_SECONDS, Turns
from desktop.services.serve.window import NoWindow, Window
from desktop.system.listeners import Listeners
from desktop.system.spawn import start_thread

IN_CHAT = "the chat's model"  # in the place of a name, where a model of the window would have to go
_END_SECONDS = 10.0
_log = logging.getLogger(__name__)


class Names(Protocol):
    """:class:`desktop.services.serve.catalog.Catalog`."""

    def models(self) -> tuple[ServedModel, ...]:
        """All, by name."""

    def find(self, name: str) -> ServedModel | None:
        """By name or alias."""


class Lender:
    """:class:`desktop.services.serve.api.ModelLender`."""

    def __init__(
        self,
        names: Names,
        plan: Callable[[ServedModel, Purpose, Cancelled], LoadPlan],
        start: Callable[[LoadPlan, Purpose, Cancelled, Callable[[], None]], Server],
        capacity: Callable[[LoadPlan], Mapping[str, int]],
        *,
        prospect: Callable[[ServedModel], LoadPlan] | None = None,
        context: Callable[[ServedModel], int] = lambda model: model.context_length,
        window: Window | None = None,
        idle_seconds: Callable[[], float] = lambda: 0.0,
        used: Callable[[ServedModel], None] = lambda _model: None,
        wait_seconds: float = WAIT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``start`` loads and waits, and raises HeftError; its last argument is called when the process has ended
        unasked. ``capacity`` is the memory that all models together may take now; ``idle_seconds`` after how long
        without use one is let go, 0 for never; ``used`` hears of each model that was loaded; ``prospect`` plans one
        that nobody has asked for, at little cost, and ``context`` is what its plan would have, in tokens, at none.
        """
        self._names, self._plan, self._start, self._context = names, plan, start, context
        self._window = window or NoWindow()
        self._idle_seconds, self._used, self._clock = idle_seconds, used, clock
        self._shelf = Shelf(clock)
        self._changed, self._loads = self._shelf.changed, self._shelf.loads
        self._turns = Turns(self._shelf, self._window, capacity, clock, wait_seconds)
        self._threads: list[threading.Thread] = []
        self._sweeper: threading.Thread | None = None
        self._closed = False
        self._listeners = Listeners[None]()
        self._prospects = Prospects(prospect, capacity, self._tell) if prospect is not None else None
        self._unsubscribe = self._window.subscribe(self.look_again)

    # -- what can be asked for -----------------------------------------------------------------------

    def models(self) -> tuple[ServedModel, ...]:
        return self._names.models()

    def find(self, name: str) -> ServedModel | None:
        return self._names.find(name)

    def states(self) -> tuple[ModelState, ...]:
        now = self._clock()
        allowed = self._idle_seconds()
        models, theirs = self.models(), self._window.holdings()
        with self._changed:
            loads, holdings = dict(self._loads), [*self._shelf.holdings, *theirs]
        in_chat = next((model.name for model in models if self._window.state(model) is not None), IN_CHAT)
        known = self._prospects.of(models) if self._prospects is not None else {}
        found = []
        for model in models:
            state = self._window.state(model) or self._state(model, loads.get(model.ref.identity), now, allowed)
            if state.phase == "unloaded" and (prospect := known.get(model)) is not None:
                verdict = decide(prospect.need, prospect.capacity, holdings)
                too_much = ""
                if verdict.says == "too-large":
                    too_much = too_large(model.name, prospect.need, prospect.capacity, verdict.device).message
                go = tuple(loads[key].model.name if key in loads else in_chat for key in verdict.unload)
                state = replace(state, plan=prospect.plan, would_go=go, too_large=too_much)
            found.append(state)
        return tuple(found)

    def _state(self, model: ServedModel, load: Load | None, now: float, allowed: float) -> ModelState:
        if load is None:
            return ModelState(model)
        if load.server is None:
            return ModelState(model, "loading", load.plan, memory_bytes=sum(load.need.values()))
        until = time.time() + load.used + allowed - now if allowed > 0 and not load.leases else None
        return ModelState(
            model,
            "answering" if load.leases else "ready",
            load.plan,
            leases=load.leases,
            memory_bytes=sum(load.need.values()),
            idle_until=until,
        )

    def context(self, model: ServedModel) -> int:
        theirs = self._window.state(model)
        with self._changed:
            load = self._loads.get(model.ref.identity)
            plan = theirs.plan if theirs is not None else load.plan if load is not None else None
        return plan.context if plan is not None else self._context(model)

    def held(self) -> tuple[Loaded, ...]:
        """What is loaded now."""
        with self._changed:
            return tuple(load.server.loaded for load in self._loads.values() if load.server is not None)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        return self._listeners.add(lambda _: listener())

    # -- loans ---------------------------------------------------------------------------------------

    def acquire(self, model: ServedModel, purpose: Purpose, cancelled: Cancelled) -> Lease:
        return self._acquire(model, purpose, cancelled, beside=False)

    def acquire_beside(self, model: ServedModel, cancelled: Cancelled) -> Lease:
        """For vectors, where nothing has to be unloaded for that; it goes with the last such lease.

        Raises HeftError, "out-of-memory", where there is no room; else as :meth:`acquire` does.
        """
        return self._acquire(model, "embedding", cancelled, beside=True)

    def _acquire(self, model: ServedModel, purpose: Purpose, cancelled: Cancelled, *, beside: bool) -> Lease:
        must_serve(model, purpose)
        while True:
            if cancelled():
                raise CancelledError
            lease = self._lease(model, purpose, cancelled, beside)
            if lease is not None:
                self._tell()
                return lease

    def _lease(self, model: ServedModel, purpose: Purpose, cancelled: Cancelled, beside: bool) -> Lease | None:
        """None where things have changed, or will soon, and are to be looked at again."""
        if purpose == "text" and (loan := self._window.lend(model.ref)) is not None:
            return OwnLease(model, loan, self._tell)
        wanted_there = purpose == "text" and self._window.wants(model.ref)
        with self._changed:
            if self._closed:
                raise EngineError(
                    tr("Heft is being closed."), tr("Ask again when it runs."), kind=FailureKind.CANCELLED
                )
            load = self._loads.get(model.ref.identity)
            if wanted_there or (load is not None and (load.leaving or load.dead)):
                self._changed.wait(LOOK_SECONDS)
                return None
            if load is None:
                load = self._loads[model.ref.identity] = Load(model, purpose, waiting=1, beside=beside)
                self._begin(load)
            else:
                load.waiting += 1
                load.beside = load.beside and beside
            try:
                return self._wait_for(load, cancelled)
            finally:
                load.waiting -= 1
                self._shelf.notify()

    def _wait_for(self, load: Load, cancelled: Cancelled) -> Lease | None:
        """With the lock held, which is given up while it waits."""
        while load.server is None:
            if load.set_aside:
                return None
            if load.failure is not None:
                raise load.failure
            if cancelled():
                raise CancelledError
            self._changed.wait(LOOK_SECONDS)
        if load.dead:
            return None
        assert load.plan is not None
        load.leases += 1
        load.used = self._clock()
        loan = Loan(load.plan, load.server.loaded, load.server.address, lambda: self._given_back(load))
        return OwnLease(load.model, loan, self._tell)

    def _given_back(self, load: Load) -> None:
        with self._changed:
            load.leases -= 1
            load.used = self._clock()
            if load.beside and not load.leases and not load.waiting:
                load.leaving = True  # whoever wanted it beside others has read what was to be read
            self._shelf.notify()

    # -- loading -------------------------------------------------------------------------------------

    def _begin(self, load: Load) -> None:
        """With the lock held."""
        thread = threading.Thread(target=self._load, args=(load,), name=f"serve {load.model.name}", daemon=True)
        self._shelf.turn.append(load)
        try:
            if self._sweeper is None:
                sweeper = threading.Thread(target=self._sweep, name="serve idle", daemon=True)
                start_thread(sweeper)
                self._sweeper = sweeper
            start_thread(thread)
        except OSError as error:
            self._shelf.turn.remove(load)
            del self._loads[load.key]
            raise EngineError(
                tr("The engine could not be started."), tr("Close other programs: there is not enough memory."),
                detail=str(error), kind=FailureKind.NOT_STARTED,
            ) from error  # fmt: skip
        self._threads = [*(one for one in self._threads if one.is_alive()), thread]

    def _load(self, load: Load) -> None:
        """On a thread of its own. Whatever happens is told to all that wait."""
        server: Server | None = None
        try:
            plan = self._plan(load.model, load.purpose, load.unwanted)
            self._turns.await_room(load, plan, load.unwanted)
            self._tell()
            began = self._clock()
            server = self._start(plan, load.purpose, load.unwanted, self.look_again)
            load.load_seconds = self._clock() - began
            self._used(load.model)
        except CancelledError:
            load.set_aside = True  # who came meanwhile begins anew
        except HeftError as error:
            load.failure = error
        except Exception as error:  # noqa: BLE001 - whoever waits hears of it
            _log.exception("loading %s to serve it", load.model.name)
            load.failure = EngineError(
                tr("{name} could not be loaded: a part of Heft failed.", name=load.model.name),
                tr("Copy the details into a report."),
                detail=repr(error), kind=FailureKind.INTERNAL,
            )  # fmt: skip
        with self._changed:
            if load in self._shelf.turn:
                self._shelf.turn.remove(load)
            load.used = self._clock()
            load.server = server
            there = self._loads.get(load.key) is load
            if server is None and there:
                del self._loads[load.key]
            late = [load] if self._closed and server is not None and there else []  # nobody would end it any more
            self._shelf.take_out(late)
            self._shelf.notify()
        self._shelf.end(late)
        self._tell()

    def make_way(self, plan: LoadPlan, cancelled: Cancelled, waits: Callable[[], None] = lambda: None) -> None:
        """The window is about to load: see :meth:`Turns.make_way`."""
        self._turns.make_way(plan, cancelled, waits)
        self._tell()

    # -- letting go ----------------------------------------------------------------------------------

    def unload(self, model: ServedModel) -> None:
        with self._changed:
            load = self._loads.get(model.ref.identity)
            if load is None:
                return
            load.leaving = True
            self._shelf.notify()

    def forget_removed(self) -> None:
        """Files were removed: what was loaded of them goes, once no answer uses it."""
        with self._changed:
            for load in self._loads.values():
                if load.model.ref.path is not None and not load.model.ref.path.exists():
                    load.leaving = True
            self._shelf.notify()

    def look_again(self) -> None:
        """Something changed elsewhere: the window's engine, the time allowed, a process that ended."""
        with self._changed:
            self._shelf.notify()
        self._tell()

    def _sweep(self) -> None:
        """Lets go of what is not used, on a thread of its own."""
        while True:
            with self._changed:
                if self._closed:
                    return
                going = [load for load in self._loads.values() if self._may_go(load)]
                if not going:
                    self._changed.wait(self._until_next())
                    continue
                self._shelf.take_out(going)
            self._shelf.end(going)
            self._tell()

    def _may_go(self, load: Load) -> bool:
        if load.dead:
            return True
        return not load.busy and (load.leaving or 0 < self._idle_seconds() <= self._clock() - load.used)

    def _until_next(self) -> float | None:
        allowed = self._idle_seconds()
        idle = [load.used + allowed - self._clock() for load in self._loads.values() if not load.busy]
        return max(0.0, min(idle)) if idle and allowed > 0 else None

    def close(self) -> None:
        """End all processes, whoever uses them."""
        self._unsubscribe()
        with self._changed:
            self._closed = True
            for load in self._loads.values():
                load.waiting, load.set_aside = 0, True
            self._shelf.notify()
            threads = [*self._threads, *([self._sweeper] if self._sweeper is not None else [])]
        for thread in threads:
            thread.join(_END_SECONDS)
        with self._changed:
            going = [load for load in self._loads.values() if load.server is not None]
            self._shelf.take_out(going)
        self._shelf.end(going)
        with self._changed:
            self._shelf.await_ended(_END_SECONDS)
        if self._prospects is not None:
            self._prospects.close()

    def _tell(self) -> None:
        self._listeners.tell(None)
