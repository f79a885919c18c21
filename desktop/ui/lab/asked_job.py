"""A job that a tab asked for, with its line of progress: the same for each kind of work of the Lab."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.core.cancelled import Cancelled, CancelledError
from desktop.core.errors import HeftError
from desktop.core.progress import Progress, Report
from desktop.core.units import human_time
from desktop.core.words import tr
from desktop.ui.shared.progress_line import ProgressLine
from desktop.ui.shell.tasks import Lane, Tasks

Result = TypeVar("Result")


class AskedJob(QWidget):
    """Hidden while nothing runs. When the window closes, the job goes on at its next start."""

    failed = Signal(object)  # HeftError
    changed = Signal()  # it has begun or ended

    def __init__(self, tasks: Tasks, name: str, what: str) -> None:
        """``name`` is the object name of the line; ``what`` is what it shows, to a reader who sees nothing else."""
        super().__init__()
        self._tasks = tasks
        self._stop: threading.Event | None = None
        self._line = ProgressLine(
            name, what, (f"{name}Cancel", tr("Cancel: {what}", what=what)), Qt.TextElideMode.ElideMiddle
        )
        self._line.cancelled.connect(self._cancel)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(self._line)
        self.hide()

    @property
    def runs(self) -> bool:
        """Whether one was asked for and has not ended."""
        return self._stop is not None

    def start(self, words: str, work: Callable[[Report, Cancelled], Result], done: Callable[[Result], None]) -> None:
        """Do it in the background; ``done`` gets what came of it."""
        stop = self._stop = threading.Event()
        self.show()
        self._line.set_progress(Progress(), f"{words}…")

        def ended(found: Result) -> None:
            self._end()
            done(found)

        self._tasks.run(
            lambda context: work(context.progress, stop.is_set),
            done=ended,
            failed=self._failed,
            progress=lambda step: self._line.set_progress(step, _words(words, step)),
            lane=Lane.COMMAND,
            owner=self,
        )
        self.changed.emit()

    def _cancel(self) -> None:
        if self._stop is not None:
            self._stop.set()

    def _failed(self, error: HeftError) -> None:
        self._end()
        if not isinstance(error, CancelledError):
            self.failed.emit(error)

    def _end(self) -> None:
        self._stop = None
        self.hide()
        self.changed.emit()


def _words(words: str, step: Progress) -> str:
    left = tr("{seconds_left} left", seconds_left=human_time(step.seconds_left)) if step.seconds_left else ""
    return " · ".join(part for part in (words, step.note, left) if part)
