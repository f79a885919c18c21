"""How each model of the library would load now, here or on the machine of "what if": planned one after another while
the page is in view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from desktop.core.hardware import Machine
from desktop.core.load_plan import LoadPlan
from desktop.services.models.library import LibraryModel
from desktop.services.planning.library_plans import LibraryPlans
from desktop.ui.shell.tasks import Lane, Task, Tasks

if TYPE_CHECKING:
    from desktop.services.planning.service import PlanningService


class RowPlans(QObject):
    """``planned`` tells each plan as it is there. A model that cannot be planned has none, which is no failure here."""

    planned = Signal(str, object)  # id of the model, LoadPlan

    def __init__(self, planning: Callable[[], PlanningService], tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._plans, self._tasks = LibraryPlans(planning), tasks
        self._waiting: list[LibraryModel] = []
        self._task: Task | None = None

    def set_machine(self, machine: Machine | None) -> None:
        """Plan for another machine from now on; None is this computer."""
        self.stop()
        self._plans.set_machine(machine)

    def plan(self, models: Sequence[LibraryModel]) -> None:
        """Plan those that can be run and that are new or another file than before."""
        self._waiting = self._plans.wanted(models)
        self._next()

    def stop(self) -> None:
        """The page is out of view: what is not planned yet is planned at the next visit."""
        self._waiting = []
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def forget(self) -> None:
        """Memory was taken or freed, or settings changed: all are to be planned anew."""
        self._plans.forget()

    def _next(self) -> None:
        if self._task is not None or not self._waiting:
            return
        model = self._waiting.pop(0)
        self._task = self._tasks.run(
            lambda context: self._plans.plan(model, lambda: context.cancelled),
            done=lambda plan: self._done(model, plan),
            failed=lambda _: self._ended(),
            lane=Lane.JOB,
            owner=self,
        )

    def _done(self, model: LibraryModel, plan: LoadPlan) -> None:
        self.planned.emit(model.id, plan)
        self._ended()

    def _ended(self) -> None:
        self._task = None
        self._next()
