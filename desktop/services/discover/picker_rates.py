"""How quick machines are, asked once for each; and from that the speed of a variant."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from desktop.core.hardware import Machine
from desktop.core.load_settings import LoadSettings
from desktop.core.placement import Fit
from desktop.services.discover.picker_records import RateSource
from desktop.services.discover.repo_known import Known
from desktop.services.discover.target_machine import TargetMachine
from desktop.services.planning.attention import Attended, Rates, Subject, attended
from desktop.services.planning.service import threads_of


class MachineRates:
    """What is known of each machine's speed, until :meth:`forget`. Thread-safe."""

    def __init__(self, source: RateSource | None) -> None:
        """Without a source nothing is known of any machine."""
        self._source = source
        self._lock = threading.Lock()
        self._known: dict[int, tuple[Machine, VariantRates]] = {}  # with the machine, so that no other gets its id

    def on(self, where: TargetMachine) -> VariantRates:
        """What is known of one machine's speed. It is asked without holding up others; the first answer counts."""
        if self._source is None:
            return _UNKNOWN
        with self._lock:
            known, asked_in = self._known.get(where.key), self._known
        if known is not None:
            return known[1]
        found = VariantRates(self._source.on(where.machine))
        with self._lock:  # an answer from before :meth:`forget` is not kept
            return asked_in.setdefault(where.key, (where.machine, found))[1]

    def renew(self, where: TargetMachine) -> bool:
        """Ask anew; whether anything else is known than before: a machine was measured, or a model ran on it."""
        if self._source is None:
            return False
        found = VariantRates(self._source.on(where.machine))
        with self._lock:
            before = self._known.get(where.key)
            if before is not None and before[1].basis == found.basis:
                return False
            self._known[where.key] = (where.machine, found)
        return True

    def forget(self) -> None:
        """Ask anew: a machine was measured."""
        with self._lock:
            self._known = {}


@dataclass(frozen=True)
class VariantRates:
    """Predicts the speed of variants on one machine, where anything is known of it."""

    rates: Rates | None

    @property
    def basis(self) -> object:
        """What it rests on: equal while nothing else is known."""
        return self.rates.basis if self.rates is not None else None

    def attended(
        self,
        known: Known,
        label: str,
        asked: LoadSettings,
        fit: Fit,
        again: Callable[[], Fit | None],
        name: str,
    ) -> Attended:
        """The verdict with its speed and the way attention is computed; ``label`` is the quantization by the file's
        name, ``name`` is for the log, ``again`` places the variant without flash attention."""
        if known.shape is None or known.weights is None:
            return Attended(fit)
        quantization, threads = known.header_quantization or label, threads_of(asked)
        subject = Subject(known.shape, known.weights, quantization, known.fingerprint, threads, name)
        return attended(self.rates, subject, asked, fit, lambda _without: again())


_UNKNOWN = VariantRates(None)
