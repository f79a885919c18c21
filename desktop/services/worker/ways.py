"""Where a model of this computer would run best: here alone, shared with another one, or on that one as a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from desktop.core.cancelled import Cancelled, never
from desktop.core.errors import HeftError
from desktop.core.hardware import Machine
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import ModelRef
from desktop.core.placement import Method
from desktop.core.pools import NO_DEVICES, OWN_DEVICES, WORKER_SIGN, asked_devices
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
        summon: Callable[[], None] = lambda: None,
    ) -> None:
        """``lent`` are the computers whose devices the engine may use now; ``summon`` starts those that ssh starts."""
        self._planning, self._calibration, self._lent, self._summon = planning, calibration, lent, summon

    def of(self, ref: ModelRef, asked: LoadSettings | None = None, cancelled: Cancelled = never) -> tuple[Way, ...]:
        """To stay, and two ways for each computer that lends its devices; none where none does. ``asked`` goes before
        what is remembered of the model; which devices are used is each way's own. Raises CancelledError.
        """
        planning = self._planning()
        self._summon()
        planning.here()  # joins who answers
        lent = self._lent()
        if not lent or ref.elsewhere is not None:
            return ()
        wanted = (asked or LoadSettings()).over(planning.settings_of(ref))
        return self._each(
            lent,
            wanted,
            lambda settings: planning.for_load(ref, settings, cancelled),
            lambda machine: planning.for_machine(ref, machine, cancelled),
            cancelled,
        )

    def of_source(
        self, source: str, asked: LoadSettings, method: Method = "engine", cancelled: Cancelled = never
    ) -> tuple[Way, ...]:
        """As :meth:`of`, of a file that may be on the Hub and was weighed as ``asked`` (see
        :meth:`PlanningService.weigh_source`).
        """
        planning, lent = self._planning(), self._lent()
        if not lent:
            return ()
        there = replace(asked.elsewhere, devices=None)
        return self._each(
            lent,
            asked,
            lambda settings: planning.weigh_source(source, settings, method=method, cancelled=cancelled).plan,
            lambda machine: (
                planning.weigh_source(source, there, machine=machine, method="estimate", cancelled=cancelled).plan
            ),
            cancelled,
        )

    def _each(
        self,
        lent: Sequence[Reached],
        wanted: LoadSettings,
        here: Callable[[LoadSettings], LoadPlan],
        there: Callable[[Machine], LoadPlan],
        cancelled: Cancelled,
    ) -> tuple[Way, ...]:
        own = own_devices(wanted.devices)

        def load(kind: WayKind, worker: str, devices: str) -> Way:
            return _planned(Way(kind, worker, devices), lambda: here(replace(wanted, devices=devices)), cancelled)

        found = [load("stay", "", own)]
        for reached in lent:
            about, name = reached.about, reached.worker.name
            assert about is not None
            found.append(load("split", name, shared_devices(own, name)))
            self._calibration().adopt(about.machine, about.speeds)
            whole = Way("whole", name, serves=about.serves)
            found.append(_planned(whole, partial(there, about.machine), cancelled))
        return tuple(found)


def _planned(way: Way, plan: Callable[[], LoadPlan], cancelled: Cancelled) -> Way:
    try:
        return replace(way, plan=plan())
    except HeftError as error:
        if cancelled():
            raise
        return replace(way, error=error)


def best(ways: Sequence[Way]) -> Way | None:
    """The quickest of those that fit; what stays here unless another one is clearly quicker. None where none fits."""
    fitting = [way for way in ways if way.fits]
    if not fitting:
        return None
    quickest = max(fitting, key=lambda way: way.rate)
    staying = next((way for way in fitting if way.kind == "stay"), None)
    return staying if staying is not None and staying.rate * _WORTH >= quickest.rate else quickest


def own_devices(asked: str | None) -> str:
    """What is set for this computer's own devices: without those of others."""
    own = [name for name in asked_devices(asked) or () if not name.startswith(WORKER_SIGN)]
    return NO_DEVICES if asked_devices(asked) == () else ",".join(own) or OWN_DEVICES


def shared_devices(own: str, worker: str) -> str:
    """These devices of this computer together with those that ``worker`` lends."""
    return f"{WORKER_SIGN}{worker}" if own == NO_DEVICES else f"{own},{WORKER_SIGN}{worker}"
