"""How each model of the library would load now, here or on the machine of "what if": planned one after another while
the page is in view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from desktop.core.hardware import Machine
from desktop.core.load_plan import LoadPlan
from desktop.services.models.library import LibraryModel
from desktop.ui.shell.tasks import Lane, Task, TaskContext, Tasks

if TYPE_CHECKING:
    from desktop.services.planning.service import PlanningService


class RowPlans(QObject):
    """``planned`` tells each plan as it is there. A model that cannot be planned has none, which is no failure here."""

    planned = Signal(str, object)  # id of the model, LoadPlan

    def __init__(self, planning: Callable[[], PlanningService], tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._planning, self._tasks = planning, tasks
        self._known: dict[str, tuple[float, int]] = {}
        self._waiting: list[LibraryModel] = []
        self._task: Task | None = None
        self._machine: Machine | None = None  # another one than this computer

    def set_machine(self, machine: Machine | None) -> None:
        """Plan for another machine from now on; None is this computer."""
        self.stop()
        self.forget()
        self._machine = machine

    def plan(self, models: Sequence[LibraryModel]) -> None:
        """Plan those that can be run and that are new or another file than before."""
        self._waiting = [
            model
            for model in models
            if model.kind.writes_text and not model.problem and self._known.get(model.id) != _stamp(model)
        ]
        self._next()

    def stop(self) -> None:
        """The page is out of view: what is not planned yet is planned at the next visit."""
        self._waiting = []
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def forget(self) -> None:
        """Memory was taken or freed, or settings changed: all are to be planned anew."""
        self._known.clear()

    def _next(self) -> None:
        if self._task is not None or not self._waiting:
            return
        model, machine = self._waiting.pop(0), self._machine

        def work(context: TaskContext) -> LoadPlan:
            planning, cancelled = self._planning(), lambda: context.cancelled
            if machine is not None:
                return planning.for_machine(model.ref, machine, cancelled)
            return planning.for_load(model.ref, cancelled=cancelled)

        self._task = self._tasks.run(
            work,
            done=lambda plan: self._done(model, plan),
            failed=lambda _: self._ended(),
            lane=Lane.JOB,
            owner=self,
        )

    def _done(self, model: LibraryModel, plan: LoadPlan) -> None:
        self._known[model.id] = _stamp(model)
        self.planned.emit(model.id, plan)
        self._ended()

    def _ended(self) -> None:
        self._task = None
        self._next()


def _stamp(model: LibraryModel) -> tuple[float, int]:
    return model.modified, model.size_bytes
