"""What is to come of a choice, worked out in the background while the choice may change: the newest counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from PySide6.QtCore import QObject

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.ui.shell.tasks import Lane, Task, TaskContext, Tasks

T = TypeVar("T")


class WorkedOut(Generic[T]):
    """``found`` is what was worked out of the newest choice, ``failure`` why that could not be; both None before."""

    def __init__(self, tasks: Tasks, owner: QObject, show: Callable[[], None]) -> None:
        """``show`` is called after each change, on the GUI thread."""
        self._tasks, self._owner, self._show = tasks, owner, show
        self._task: Task | None = None
        self.found: T | None = None
        self.failure: HeftError | None = None

    @property
    def working(self) -> bool:
        """Whether something is being worked out."""
        return self._task is not None

    def ask(self, work: Callable[[TaskContext], T] | None) -> None:
        """Another choice; None where there is nothing to work out."""
        if self._task is not None:
            self._task.cancel()
        self._task = self.found = self.failure = None
        if work is not None:
            self._task = self._tasks.run(work, done=self._done, failed=self._failed, lane=Lane.JOB, owner=self._owner)
        self._show()

    def words(self) -> str:
        """What stands in the place of what was found: why it could not be, "…" while it is worked out, else ""."""
        if self.failure is not None:
            return f"{self.failure.message} {self.failure.hint}".strip()
        return "…" if self.working else ""

    def _done(self, found: T) -> None:
        self._task, self.found = None, found
        self._show()

    def _failed(self, error: HeftError) -> None:
        self._task = None
        self.failure = None if isinstance(error, CancelledError) else error
        self._show()
