"""How each model of the library would load now, here or on another machine, for the page and for ``heft library``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import HeftError
from desktop.core.hardware import Machine
from desktop.core.load_plan import LoadPlan
from desktop.core.progress import Progress, Report, unheard
from desktop.services.models.library import LibraryModel

if TYPE_CHECKING:  # the window starts without the formulas
    from desktop.core.placement import Method
    from desktop.services.planning.service import Here, PlanningService


class LibraryPlans:
    """Plans each model once, until it is another file than before or all is forgotten. Thread-safe."""

    def __init__(self, planning: Callable[[], PlanningService]) -> None:
        self._planning = planning
        self._known: dict[str, tuple[float, int]] = {}
        self._here: Here | None = None
        self._machine: Machine | None = None

    def set_machine(self, machine: Machine | None) -> None:
        """Plan for another machine from now on, by formulas; None is this computer."""
        self.forget()
        self._machine = machine

    def wanted(self, models: Sequence[LibraryModel]) -> list[LibraryModel]:
        """Those that can be run, and that are not planned as they are now."""
        runs = (model for model in models if model.kind.writes_text and not model.problem)
        return [model for model in runs if self._known.get(model.id) != _stamp(model)]

    def look(self) -> None:
        """Look at this computer, which takes a second where the engine has to be started for it. Raises HeftError where
        there is none."""
        self._here = self._here or self._planning().here()

    def plan(self, model: LibraryModel, cancelled: Cancelled = never, method: Method = "engine") -> LoadPlan:
        """The plan of one model. ``method`` "estimate" asks the engine nothing, which it takes a while to answer where
        there are graphics cards. Raises HeftError for one that cannot be planned."""
        if self._machine is not None:
            plan = self._planning().for_machine(model.ref, self._machine, cancelled)
        else:
            self.look()
            plan = self._planning().for_load(model.ref, cancelled=cancelled, here=self._here, method=method)
        self._known[model.id] = _stamp(model)
        return plan

    def all(
        self, models: Sequence[LibraryModel], progress: Report = unheard, cancelled: Cancelled = never
    ) -> dict[str, LoadPlan]:
        """The plans of all models that can be run, by id, without asking the engine; those that cannot be planned are
        left out. Raises CancelledError."""
        found, wanted = {}, self.wanted(models)
        for number, model in enumerate(wanted):
            if cancelled():
                raise CancelledError
            progress(Progress(number, len(wanted), "models", model.title))
            try:
                found[model.id] = self.plan(model, cancelled, "estimate")
            except CancelledError:
                raise
            except HeftError:  # what nobody can load so has no figures
                continue
        return found

    def forget(self) -> None:
        """Memory was taken or freed, or settings changed: all are to be planned anew."""
        self._known, self._here = {}, None


def _stamp(model: LibraryModel) -> tuple[float, int]:
    return model.modified, model.size_bytes
