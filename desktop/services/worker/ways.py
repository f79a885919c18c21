"""Where a model of this computer would run best: here alone, shared with another one, or on that one as a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from desktop.core.cancelled import Cancelled, never
from desktop.core.errors import HeftError
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import ModelRef
from desktop.core.pools import OWN_DEVICES, WORKER_SIGN, asked_devices
from desktop.services.machine.calibration import CalibrationService
from desktop.services.planning.service import PlanningService
from desktop.services.worker.workers import Reached

WayKind = Literal["stay", "split", "whole"]
_WORTH = 1.05  # as many times as quick another way has to be before a model leaves this computer


@dataclass(frozen=True)
class Way:
    """One way to run a model. ``devices`` is what :class:`LoadSettings` says for it, "" where it is no load of this
    computer's ("whole"); ``worker`` the other computer, "" for "stay", ``serves`` the address of its server, "" where
    it has none. ``plan`` is how it would load, None where that could not be planned, and ``error`` says why.
    """

    kind: WayKind
    worker: str = ""
    devices: str = ""
    plan: LoadPlan | None = None
    error: HeftError | None = None
    serves: str = ""

    @property
    def fits(self) -> bool:
        """Whether the model can be loaded so."""
        return self.plan is not None and self.plan.fit is not None and self.plan.fit.fits

    @property
    def rate(self) -> float:
        """Predicted tokens per second with a full context; 0 where nothing is known, or it does not fit."""
        speeds = self.plan.speeds if self.plan is not None and self.fits else None
        return speeds.full.expected if speeds is not None else 0.0


class WaysService:
    """Plans them. Calls may come from any thread, and wait for the planner."""

    def __init__(
        self,
        planning: Callable[[], PlanningService],
        calibration: Callable[[], CalibrationService],
        lent: Callable[[], Sequence[Reached]],
    ) -> None:
        """``lent`` are the computers whose devices the engine may use now."""
        self._planning, self._calibration, self._lent = planning, calibration, lent

    def of(self, ref: ModelRef, asked: LoadSettings | None = None, cancelled: Cancelled = never) -> tuple[Way, ...]:
        """To stay, and two ways for each computer that lends its devices; none where none does. ``asked`` goes before
        what is remembered of the model; which devices are used is each way's own. Raises CancelledError.
        """
        planning = self._planning()
        planning.here()  # joins who answers
        lent = self._lent()
        if not lent or ref.elsewhere is not None:
            return ()
        wanted = (asked or LoadSettings()).over(planning.settings_of(ref))
        own = _own_devices(wanted.devices)
        found = [self._load("stay", "", own, ref, wanted, cancelled)]
        for reached in lent:
            name = reached.worker.name
            devices = f"{own},{WORKER_SIGN}{name}" if own != "none" else f"{WORKER_SIGN}{name}"
            found.append(self._load("split", name, devices, ref, wanted, cancelled))
            found.append(self._whole(reached, ref, cancelled))
        return tuple(found)

    def _load(
        self, kind: WayKind, worker: str, devices: str, ref: ModelRef, wanted: LoadSettings, cancelled: Cancelled
    ) -> Way:
        try:
            plan = self._planning().for_load(ref, replace(wanted, devices=devices), cancelled)
        except HeftError as error:
            if cancelled():
                raise
            return Way(kind, worker, devices, error=error)
        return Way(kind, worker, devices, plan)

    def _whole(self, reached: Reached, ref: ModelRef, cancelled: Cancelled) -> Way:
        about, name = reached.about, reached.worker.name
        assert about is not None
        self._calibration().adopt(about.machine, about.speeds)
        try:
            plan = self._planning().for_machine(ref, about.machine, cancelled)
        except HeftError as error:
            if cancelled():
                raise
            return Way("whole", name, error=error, serves=about.serves)
        return Way("whole", name, plan=plan, serves=about.serves)


def best(ways: Sequence[Way]) -> Way | None:
    """The quickest of those that fit; what stays here unless another one is clearly quicker. None where none fits."""
    fitting = [way for way in ways if way.fits]
    if not fitting:
        return None
    quickest = max(fitting, key=lambda way: way.rate)
    staying = next((way for way in fitting if way.kind == "stay"), None)
    return staying if staying is not None and staying.rate * _WORTH >= quickest.rate else quickest


def _own_devices(asked: str | None) -> str:
    """What is set for this computer's own devices: without those of others."""
    own = [name for name in asked_devices(asked) or () if not name.startswith(WORKER_SIGN)]
    return "none" if asked_devices(asked) == () else ",".join(own) or OWN_DEVICES
