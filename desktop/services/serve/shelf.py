"""The models that are loaded for others, or are on their way there or away; one lock guards all of them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from desktop.core.cancelled import Cancelled
from desktop.services.serve.admission import Holding
from desktop.services.serve.loans import Load

LOOK_SECONDS = 0.1  # whether somebody gave up is asked so often
_CHANGE_SECONDS = 1.0  # other programs take and free memory without telling
_log = logging.getLogger(__name__)


class Shelf:
    """Methods are called with ``changed`` held, but for :meth:`end`, which waits for processes."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.changed = threading.Condition()
        self.loads: dict[str, Load] = {}  # by identity: waiting for room, loading or loaded
        self.ending: list[Load] = []  # their memory still counts
        self.turn: list[Load] = []  # those that wait for room, the first is next
        self._clock, self._changes = clock, 0

    def notify(self) -> None:
        """Whoever waits looks again."""
        self._changes += 1
        self.changed.notify_all()

    def await_change(self, cancelled: Cancelled) -> None:
        """Until memory may have become free."""
        seen, until = self._changes, time.monotonic() + _CHANGE_SECONDS
        while self._changes == seen and time.monotonic() < until and not cancelled():
            self.changed.wait(LOOK_SECONDS)

    @property
    def holdings(self) -> list[Holding]:
        """Of all that have memory, or will have it in a moment."""
        now = self._clock()
        held = [
            Holding(load.key, load.need, load.busy, now - load.used, load.load_seconds)
            for load in self.loads.values()
            if load.need
        ]
        return held + [Holding(f"ending {id(load)}", load.need, busy=True) for load in self.ending]

    @property
    def unsettled(self) -> bool:
        """Whether memory is being taken or freed: what is free now is not yet what it will be."""
        return bool(self.ending) or any(load.need and load.server is None for load in self.loads.values())

    @property
    def idle(self) -> list[Load]:
        """Those that nobody uses."""
        return [load for load in self.loads.values() if not load.busy]

    def has(self, load: Load | None) -> bool:
        """Whether it is there, or not quite gone."""
        return load is not None and (load in self.ending or self.loads.get(load.key) is load)

    def take_out(self, going: Sequence[Load]) -> None:
        """Nobody gets them any more; :meth:`end` is next."""
        for load in going:
            del self.loads[load.key]
        self.ending += going

    def end(self, going: Sequence[Load]) -> None:
        """Free their memory; without the lock. One that cannot be ended keeps no other from it."""
        for load in going:
            if load.dead:
                _log.warning("the server of %s ended unasked", load.model.name)
            else:
                _log.info("%s is let go", load.model.name)
            try:
                if load.server is not None:
                    load.server.close()
            except Exception:  # noqa: BLE001 - the next one has to end all the same
                _log.exception("the server of %s could not be ended", load.model.name)
            with self.changed:
                self.ending.remove(load)
                self.notify()

    def await_ended(self, seconds: float) -> None:
        """Until all are gone that others are ending; for so long at most."""
        until = time.monotonic() + seconds
        while self.ending and (left := until - time.monotonic()) > 0:
            self.changed.wait(left)
