"""The planning service on a computer that stays as it is, by formulas alone: no engine is started."""

from __future__ import annotations

from collections.abc import Sequence

from desktop.core.errors import EngineError
from desktop.core.hardware import Cpu, Machine, Memory
from desktop.core.pools import NOTHING_RECLAIMABLE, Reclaimable
from desktop.services.machine.calibration import CalibrationService
from desktop.services.planning.service import PlanningService
from desktop.services.planning.speed import SpeedService
from desktop.store.ledger import Run
from desktop.store.load_settings import LoadSettingsStore
from desktop.store.paths import Paths

GB = 1_000_000_000
PLAIN = Machine(Cpu("here"), Memory(16 * GB, 12 * GB))


class Fixed:
    """A computer that stays as it is."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def __call__(self) -> Machine:
        return self._machine

    for_load = __call__


def planning_on(
    paths: Paths,
    machine: Machine = PLAIN,
    held: Reclaimable = NOTHING_RECLAIMABLE,
    runs: Sequence[Run] = (),
) -> PlanningService:
    """What it remembers is kept in ``paths``; ``held`` would be given back by the engine, ``runs`` were made here."""
    return PlanningService(
        _none, _none, Fixed(machine), lambda: SpeedService(CalibrationService(paths), lambda: machine),  # type: ignore[arg-type]
        LoadSettingsStore(paths.load_settings), lambda: held, runs=lambda: runs,
    )  # fmt: skip


def _none() -> object:
    raise EngineError("There is no engine here.", "")
