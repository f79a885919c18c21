"""The recorder that follows the window's engine and chat into the ledger."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from desktop.core.load_plan import LoadPlan
from desktop.core.speed import Speeds
from desktop.engine.api import Loaded, Statistics
from desktop.services.planning.ledger import LedgerService, RunMeter, Running


class RunRecorder:
    """Told of loads and answers in their order, from any thread; each call may take a moment."""

    def __init__(self, ledger: LedgerService) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._running: Running | None = None
        self._meter: RunMeter | None = None

    def loaded(self, loaded: Loaded, plan: LoadPlan) -> Speeds | None:
        """A model was loaded: write it down; the speed to expect of it, None where nothing is known.

        What another server's model does says nothing of this computer.
        """
        if loaded.endpoint:
            with self._lock:
                self._running = None
            return None
        with self._lock:
            self._running = running = self._ledger.started(loaded, plan)
        return self._ledger.speeds(running)

    def began(self, pid: int) -> None:
        """The engine process began an answer."""
        self._meter = RunMeter.start(pid)

    def answered(self, figures: Mapping[str, float]) -> None:
        """An answer ended with these figures (:class:`desktop.engine.api.Statistics` has their names)."""
        with self._lock:
            running, meter, self._meter = self._running, self._meter, None
        if running is None or meter is None:
            return
        whole = {name: int(figures.get(name, 0)) for name in _COUNTS}
        rates = {name: float(figures.get(name, 0.0)) for name in _RATES}
        self._ledger.answered(running, Statistics(**whole, **rates), meter)  # type: ignore[arg-type]


_RATES = ("seconds_to_first_token", "prompt_tokens_per_second", "tokens_per_second", "plain_tokens_per_second")
_COUNTS = tuple(name for name in Statistics.__struct_fields__ if name not in _RATES)
