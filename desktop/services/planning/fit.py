"""Whether and how a model fits this computer or another one: ``heft fit``, and what pages say before a load."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import HeftError, UsageError
from desktop.core.gguf import Header
from desktop.core.hardware import Machine
from desktop.core.memory import ModelShape, Settings, Weights, shape_of, weights_of
from desktop.core.placement import Fit, Method, hypothetical, place
from desktop.core.progress import Report, unheard
from desktop.services.discover.picker_records import Reclaimable
from desktop.services.inspect.inspection import InspectionService
from desktop.services.planning.engine_planner import NOTHING_RECLAIMABLE, PlanningService

_LONGEST_CONTEXT = 16 * 1024 * 1024  # desktop/engine/loading.py refuses longer ones


@dataclass(frozen=True)
class Weighed:
    """A model's fit with what it was told from. ``note`` is a sentence where the figures are less than asked for."""

    fit: Fit
    shape: ModelShape
    weights: Weights
    headers: tuple[Header, ...]
    machine: Machine
    quantization: str
    title: str
    note: str = ""


class FitService:
    """Weighs models. Calls may come from any thread."""

    def __init__(
        self, inspection: InspectionService, planning: PlanningService, machine: Callable[[], Machine]
    ) -> None:
        """``machine`` describes this computer as it is now."""
        self._inspection = inspection
        self._planning = planning
        self._machine = machine

    def fit(
        self,
        source: str,
        settings: Settings,
        *,
        machine: Machine | None = None,
        method: Method = "engine",
        held: Reclaimable = NOTHING_RECLAIMABLE,
        progress: Report = unheard,
        cancelled: Cancelled = never,
    ) -> Weighed:
        """How a file fits: a path, ``hf:OWNER/REPO/FILE[@REV]``, a library name or ``starter``.

        ``machine`` None is this computer; another one is taken as "what if". Raises HeftError: what opening raises,
        and "no-language-model" for a file that is none.
        """
        if settings.context > _LONGEST_CONTEXT:
            raise UsageError(
                f"A context of {settings.context:,} tokens is longer than any model's.", "Choose a shorter one."
            )
        inspected = self._inspection.open(source, progress=progress, cancelled=cancelled)
        try:
            headers = tuple(file.header for file in inspected.files)
            shape = shape_of(headers[0]) if headers else None
            if shape is None:
                raise HeftError(
                    f"{inspected.title} is not a language model that the engine loads.",
                    "Choose a GGUF file of a model itself, not of its projector or adapter.",
                    kind="no-language-model",
                )
            found = self.weigh(headers, shape, settings, machine=machine, method=method, held=held, cancelled=cancelled)
            return replace(found, quantization=inspected.quantization, title=inspected.title)
        finally:
            inspected.close()

    def weigh(
        self,
        headers: Sequence[Header],
        shape: ModelShape,
        settings: Settings,
        *,
        machine: Machine | None = None,
        method: Method = "engine",
        held: Reclaimable = NOTHING_RECLAIMABLE,
        cancelled: Cancelled = never,
    ) -> Weighed:
        """How a model fits whose headers, of all shards, are open. Falls back to the estimate, with a note."""
        where = hypothetical(machine) if machine is not None else self._machine()
        weights = weights_of(headers, shape)
        note = "" if shape.known else f"Heft has no formulas for {shape.architecture}; its estimate is rough."
        fit = None
        if method == "engine":
            try:
                fit = self._planning.plan(headers, shape, weights, settings, where, held, cancelled)
                note = "" if fit is not None else "For a machine with other GPUs than this one's, formulas are used."
            except CancelledError:
                raise
            except HeftError as error:
                note = f"The engine did not plan this load, so this is an estimate. {error.message}"
        if fit is None:
            fit = place(shape, weights, settings, where, freed_bytes=held.memory_bytes, freed_gpu_bytes=held.gpu_bytes)
        return Weighed(fit, shape, weights, tuple(headers), where, "", "", note)
