"""A calibration that measures nothing: the test says when it ends."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from desktop.core.cancelled import Cancelled, CancelledError
from desktop.core.errors import HeftError
from desktop.core.hardware import Cpu, Machine, Memory
from desktop.core.progress import Progress, Report
from desktop.core.speed import Calibration, DeviceSpeed
from desktop.services.machine.calibration import CalibrationService
from desktop.store.paths import Paths

MACHINE = Machine(Cpu("Test CPU"), Memory(8_000_000_000))


class ScriptedCalibration(CalibrationService):
    """Ends, or fails with ``error``, once ``end`` is set; keeps what it measured, and that it heard of a cancel."""

    def __init__(self, folder: Path, error: HeftError | None = None) -> None:
        super().__init__(Paths(folder, folder))
        self.begun, self.end, self.heard_cancel = threading.Event(), threading.Event(), threading.Event()
        self.measured: tuple[str, ...] = ()
        self._error = error

    def calibrate(  # type: ignore[override]
        self,
        machine: Machine,
        types: Sequence[str],
        *,
        progress: Report,
        cancelled: Cancelled,
    ) -> Calibration:
        progress(Progress.of(0.5, "measuring Q4_K"))
        self.begun.set()
        while not self.end.wait(0.01):
            if cancelled():
                self.heard_cancel.set()
                raise CancelledError
        if self._error is not None:
            raise self._error
        self.measured = tuple(types)
        return Calibration("key", "2025-01-02T00:00:00", 2, {"cpu": DeviceSpeed("calibrated", {}, {})})

    def missing(self, machine: Machine, types: Sequence[str]) -> tuple[str, ...]:
        return tuple(kind for kind in types if kind not in self.measured)
