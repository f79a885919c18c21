"""One model's fit on one computer, by the engine where it can tell, else by formulas; with its projector or without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from desktop.core.cancelled import Cancelled, CancelledError
from desktop.core.errors import HeftError
from desktop.core.gguf import Header
from desktop.core.hardware import Machine
from desktop.core.load_settings import LoadSettings
from desktop.core.memory import ModelShape, Weights
from desktop.core.model_kind import Purpose
from desktop.core.placement import Fit, Method, place
from desktop.core.pools import Reclaimable, devices_for
from desktop.core.projector import Projector
from desktop.services.inspect.refusals import ENGINE_REFUSES
from desktop.services.planning.engine_planner import DryRunPlanner
from desktop.services.planning.projectors import NO_ROOM
from desktop.services.planning.speculation import Decided, beside

_OTHER_GPUS = "For a machine with other GPUs than this one's, formulas are used."


@dataclass(frozen=True)
class Fitting:
    """What decides it, but for the settings. ``held`` is what would be given back before; ``purpose`` what the model is
    loaded for.
    """

    dry_run: Callable[[], DryRunPlanner]
    headers: Sequence[Header]
    shape: ModelShape
    weights: Weights
    decided: Decided
    where: Machine
    method: Method
    held: Reclaimable
    cancelled: Cancelled
    purpose: Purpose

    def with_room(self, asked: LoadSettings, projector: Projector | None) -> tuple[Fit, str, Projector | None]:
        """The fit, a note where figures are less than what was asked for, and the projector: None where only without
        it the model fits. Raises HeftError, CancelledError.
        """
        fit, note = self.fit(asked, projector)
        if projector is None or fit.fits:
            return fit, note, projector
        bare, other = self.fit(asked, None)
        return (bare, f"{other} {NO_ROOM}".strip(), None) if bare.fits else (fit, note, projector)

    def fit(self, asked: LoadSettings, projector: Projector | None) -> tuple[Fit, str]:
        """By the engine where it can; else the estimate, with a note that says why."""
        shape, weights, where, held = self.shape, self.weights, self.where, self.held
        note = "" if shape.known else f"Heft has no formulas for {shape.architecture}; its estimate is rough."
        if self.method == "engine":
            try:
                fit = self.dry_run().plan(
                    self.headers, shape, weights, asked, where, held, self.cancelled, draft=self.decided.draft,
                    projector=projector, purpose=self.purpose,
                )  # fmt: skip
                if fit is not None:
                    return fit, ""
                note = _OTHER_GPUS
            except CancelledError:
                raise
            except HeftError as error:
                if error.kind in ENGINE_REFUSES:  # it would say the same when the model is loaded
                    raise
                note = f"The engine did not plan this load, so this is an estimate. {error.message}"
        free = [pool.free_bytes for pool in devices_for(where, asked.devices).pools[1:]]
        fit = place(
            shape, weights, asked, where, freed_bytes=held.memory_bytes, freed_gpu_bytes=held.gpu_bytes,
            beside=beside(self.decided, shape, asked, free), projector=projector,
        )  # fmt: skip
        return fit, note
