"""Loads get memory one after another, in the order they were asked for; what is in their way has to go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from desktop.core.cancelled import Cancelled, CancelledError
from desktop.core.load_plan import LoadPlan
from desktop.services.serve.admission import Holding, decide
from desktop.services.serve.api import ServedModel
from desktop.services.serve.loans import Load
from desktop.services.serve.room import need_of, no_room_beside, no_room_in_time, too_large
from desktop.services.serve.shelf import LOOK_SECONDS, Shelf
from desktop.services.serve.window import WINDOW, Window

WAIT_SECONDS = 300.0  # for models in use to get free; an answer of a slow computer takes minutes


class Turns:
    """Guards memory: no load begins before its plan fits beside all that is loaded or being loaded."""

    def __init__(
        self,
        shelf: Shelf,
        window: Window,
        capacity: Callable[[LoadPlan], Mapping[str, int]],
        clock: Callable[[], float],
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        """``capacity`` is the memory that all models together may take now, by device."""
        self._shelf, self._window, self._capacity = shelf, window, capacity
        self._clock, self._wait_seconds = clock, wait_seconds

    def await_room(self, load: Load, plan: LoadPlan, cancelled: Cancelled) -> None:
        """Until it fits; from then on its memory counts. ``load`` stands in the turn already.

        Raises HeftError with figures where it never fits, or nothing got free in time; CancelledError.
        """
        need, asked_at, shelf = need_of(plan), self._clock(), self._shelf
        while True:
            self._await_turn(load, cancelled)
            capacity, theirs = self._capacity(plan), self._window.holdings()
            with shelf.changed:
                holdings = [*shelf.holdings, *theirs]
                verdict = decide(need, capacity, holdings)
                if verdict.says == "fits":
                    load.plan, load.need = plan, need
                    shelf.turn.remove(load)
                    shelf.notify()
                    return
                if verdict.says == "too-large" and not shelf.unsettled:
                    raise too_large(load.model.name, need, capacity, verdict.device)
                if load.beside:
                    raise no_room_beside(load.model.name, need, capacity, total_of(holdings))
                if verdict.says != "unload":
                    if (waited := self._clock() - asked_at) >= self._wait_seconds:
                        raise no_room_in_time(load.model.name, need, capacity, total_of(holdings), waited)
                    self._close_doors(verdict.unload)
                    shelf.await_change(cancelled)
                    continue
                going = self._going(verdict.unload)
            shelf.end(going)
            if any(key.startswith(WINDOW) for key in verdict.unload):
                self._window.let_go()

    def make_way(self, plan: LoadPlan, cancelled: Cancelled, waits: Callable[[], None]) -> None:
        """For the window, which holds nothing and is about to load a model: the same one goes here, and others as far
        as room is needed. Where that does not help, the engine finds its own way to less.

        Waits for answers that run on them, and calls ``waits`` when it does. Raises CancelledError, HeftError where
        they did not end in time.
        """
        shelf, asked_at, need = self._shelf, self._clock(), need_of(plan)
        mine = Load(ServedModel(plan.ref.name, plan.ref, plan.kind), "text")
        with shelf.changed:
            shelf.turn.insert(0, mine)  # a person waits
            same = shelf.loads.get(plan.ref.identity)
            if same is not None:
                same.leaving = True
                same.set_aside = not same.need  # it would wait for what the window wants
                shelf.notify()
        try:
            while True:
                self._await_turn(mine, cancelled)
                capacity = self._capacity(plan)
                with shelf.changed:
                    holdings = shelf.holdings
                    verdict = decide(need, capacity, holdings)
                    unload: Sequence[str] = verdict.unload if verdict.says == "unload" else ()
                    if verdict.says == "too-large":
                        unload = [load.key for load in shelf.idle]
                    going = self._going(unload)
                    done = verdict.says == "fits" or (verdict.says == "too-large" and not shelf.unsettled)
                    if done and not going and not shelf.has(same):
                        return
                    if not going:
                        if (waited := self._clock() - asked_at) >= self._wait_seconds:
                            raise no_room_in_time(plan.ref.name, need, capacity, total_of(holdings), waited)
                        self._close_doors(verdict.unload)
                if going:
                    shelf.end(going)
                    continue
                waits()
                with shelf.changed:
                    shelf.await_change(cancelled)
        finally:
            with shelf.changed:
                shelf.turn.remove(mine)
                shelf.notify()

    def _await_turn(self, load: Load, cancelled: Cancelled) -> None:
        with self._shelf.changed:
            while self._shelf.turn[0] is not load and not cancelled():
                self._shelf.changed.wait(LOOK_SECONDS)
        if cancelled():
            raise CancelledError

    def _going(self, keys: Sequence[str]) -> list[Load]:
        going = [load for key in keys if (load := self._shelf.loads.get(key)) is not None]
        self._shelf.take_out(going)
        return going

    def _close_doors(self, keys: Sequence[str]) -> None:
        """Whoever comes now waits behind the load whose turn it is."""
        for key in keys:
            load = self._shelf.loads.get(key)
            if load is not None and load.server is not None and load.busy:  # what is idle may go when it has to
                load.leaving = True


def total_of(holdings: Sequence[Holding]) -> dict[str, int]:
    """What all of them hold, by device."""
    found: dict[str, int] = {}
    for held in holdings:
        for device, size in held.bytes.items():
            found[device] = found.get(device, 0) + size
    return found
