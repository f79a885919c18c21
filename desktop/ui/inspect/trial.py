"""The engine's own word on a model that was just opened: asked behind the page's back, told where it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject

from desktop.core.errors import HeftError
from desktop.services.inspect.finding_words import in_order
from desktop.services.inspect.inspection import InspectionService
from desktop.ui.inspect.state import Opened
from desktop.ui.shell.tasks import Lane, Task, TaskContext, Tasks


class Trial:
    """One question at a time; the next one, and :meth:`cancel`, end it."""

    def __init__(
        self, tasks: Tasks, service: InspectionService, owner: QObject, refused: Callable[[Opened, Opened], None]
    ) -> None:
        """``refused`` is called with what was asked about, and the same with what the engine says among its
        findings."""
        self._tasks, self._service, self._owner, self._refused = tasks, service, owner, refused
        self._task: Task | None = None

    def begin(self, opened: Opened) -> None:
        """Ask about a model; nothing happens where the engine takes it, or cannot be asked."""
        self.cancel()

        def work(context: TaskContext) -> Opened | None:
            inspected = opened.inspected
            found = self._service.trial(inspected, cancelled=lambda: context.cancelled)
            told = replace(inspected, findings=in_order([*inspected.findings, *found]))
            return replace(opened, inspected=told) if found else None

        def done(told: Opened | None) -> None:
            if told is not None:
                self._refused(opened, told)

        self._task = self._tasks.run(work, done=done, failed=_unheard, lane=Lane.JOB, owner=self._owner)

    def cancel(self) -> None:
        """Ask no more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None


def _unheard(_error: HeftError) -> None:
    """Cancelled; or the engine could not be asked, which is told when the model is loaded."""
