"""How quick machines are, asked once for each; and from that the speed of a variant."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from desktop.core.hardware import Machine
from desktop.core.placement import Fit
from desktop.core.speed import Speeds
from desktop.services.discover.picker_records import Rates, RateSource
from desktop.services.discover.repo_known import Known
from desktop.services.discover.target_machine import TargetMachine

_log = logging.getLogger(__name__)


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

    def forget(self) -> None:
        """Ask anew: a machine was measured."""
        with self._lock:
            self._known = {}


@dataclass(frozen=True)
class VariantRates:
    """Predicts the speed of variants on one machine; None where nothing is known of it."""

    rates: Rates | None

    def speeds(self, known: Known, label: str, fit: Fit, threads: int, name: str) -> Speeds | None:
        """The speed from an empty to a full context, where it is known; ``label`` is the quantization by the file's
        name, ``name`` is for the log."""
        if self.rates is None or not fit.fits or known.shape is None or known.weights is None:
            return None
        try:
            quantization, about = known.header_quantization or label, (known.fingerprint, threads)
            return self.rates.speeds(known.shape, known.weights, quantization, fit, *about)
        except ValueError:  # a model without a matrix has no speed
            return None
        except Exception:  # noqa: BLE001 - one variant's failure never fails the others
            _log.exception("no speed for %s", name)
            return None


_UNKNOWN = VariantRates(None)
