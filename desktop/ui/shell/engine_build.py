"""The offer to build the engine, where a model could not be loaded because the installed one has no server."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.ui.shell.notifications import Offer
from desktop.ui.shell.tasks import Lane, TaskContext, Tasks

if TYPE_CHECKING:
    from desktop.services.engine.building import EngineBuildService
    from desktop.services.job_kinds import Job

_KIND = "build"  # desktop/services/engine/building.py, which a window without need never imports


class EngineBuild(QObject):
    """Offers, begins and tells how it ended; the job itself is in the list of jobs, with progress and Cancel."""

    told = Signal(object)  # HeftError, Offer or str, for the notification area
    built = Signal()

    def __init__(self, tasks: Tasks, service: Callable[[], EngineBuildService], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks, self._service = tasks, service
        self._running = False

    def hear_failure(self, failure: HeftError | None) -> bool:
        """A load was refused: offer what would mend it, where this would; whether it does."""
        if failure is None or failure.kind is not FailureKind.NO_SERVER:
            return False
        self._tasks.run(lambda context: self._service().forewarning(), done=self._offer, lane=Lane.JOB, owner=self)
        return True

    def hear_job(self, job: Job) -> None:
        """A job of the list has changed."""
        if job.kind != _KIND:
            return
        self._running = job.active and not job.gone
        if job.phase == "done" and not job.gone:
            self.told.emit(tr("The engine is built."))
            self.built.emit()
        elif job.phase == "failed" and job.error is not None and not job.gone:
            self.told.emit(job.error)

    def start(self) -> None:
        """Begin the build."""
        self._tasks.run(self._start, failed=self.told.emit, lane=Lane.COMMAND, owner=self)

    def _start(self, context: TaskContext) -> None:
        self._service().start()

    def _offer(self, forewarning: str) -> None:
        if self._running:
            self.told.emit(tr("The engine is being built. The model is loaded when it is done."))
            return
        self.told.emit(
            Offer(
                tr("The engine comes without the program that runs models."),
                tr("Heft can build it. {forewarning}", forewarning=forewarning),
                ((tr("Build the engine"), self.start),),
            )
        )
