"""What each model that is not loaded would take, found out beside who asks; from it follows what would have to go."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from desktop.core.errors import HeftError
from desktop.core.load_plan import LoadPlan
from desktop.services.serve.admission import Bytes
from desktop.services.serve.api import ServedModel
from desktop.services.serve.room import need_of
from desktop.system.spawn import start_thread

FRESH_SECONDS = 5.0  # figures of free memory that are older are read again
_END_SECONDS = 5.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prospect:
    """One model's plan, and the memory that all models together may take of its devices."""

    plan: LoadPlan
    need: Bytes
    capacity: Bytes


class Prospects:
    """Thread-safe; asking costs nothing. ``told`` hears that more is known."""

    def __init__(
        self,
        plan: Callable[[ServedModel], LoadPlan],
        capacity: Callable[[LoadPlan], Mapping[str, int]],
        told: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``plan`` says what a model would take without asking the engine; it may raise HeftError."""
        self._plan, self._capacity, self._told, self._clock = plan, capacity, told, clock
        self._lock = threading.Lock()
        self._known: dict[ServedModel, Prospect | None] = {}
        self._thread: threading.Thread | None = None
        self._looked = 0.0
        self._closed = False

    def of(self, models: Sequence[ServedModel]) -> dict[ServedModel, Prospect]:
        """What is known now; what is not, or not any more, is looked for meanwhile."""
        with self._lock:
            stale = self._clock() - self._looked >= FRESH_SECONDS or any(model not in self._known for model in models)
            running = self._thread is not None and self._thread.is_alive()
            if stale and not running and not self._closed:
                self._thread = threading.Thread(
                    target=self._look, args=(tuple(models),), name="serve prospects", daemon=True
                )
                try:
                    start_thread(self._thread)
                except OSError:
                    self._thread = None
            return {model: known for model in models if (known := self._known.get(model)) is not None}

    def close(self) -> None:
        """Nothing is looked for any more."""
        with self._lock:
            self._closed, thread = True, self._thread
        if thread is not None:
            thread.join(_END_SECONDS)

    def _look(self, models: Sequence[ServedModel]) -> None:
        found: dict[ServedModel, Prospect | None] = {}
        room: dict[str | None, Mapping[str, int]] = {}
        for model in models:
            if self._closed:
                return
            try:
                plan = self._plan(model)
                devices = plan.asked.devices
                if devices not in room:
                    room[devices] = self._capacity(plan)
                found[model] = Prospect(plan, need_of(plan), room[devices])
            except (HeftError, OSError):  # what nobody can load so has no figures
                found[model] = None
        with self._lock:
            news, self._known = found != self._known, found
            self._looked = self._clock()
        if news:
            self._told()
