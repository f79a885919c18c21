"""Weighs the repo in view in the background: opened, estimated from its first kilobytes, settled by the engine."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.core.words import tr
from desktop.services.discover.picked_repo import PickedRepo
from desktop.services.discover.picker import PickerService
from desktop.services.discover.picker_records import Controls, View
from desktop.ui.shell.tasks import Lane, Task, TaskContext, Tasks

SETTLE_MILLISECONDS = 300  # the controls rest so long before the engine is asked
WATCH_MILLISECONDS = 5_000  # free memory is looked at again so often while the page is in view


class Weighing(QObject):
    """One repo at a time. Estimates follow the controls at once; the engine's figures follow when they rest."""

    remembered = Signal(object)  # LoadSettings that a repo's models were set up with before; it is opened next
    opened = Signal(object)  # View of a repo that was opened
    changed = Signal(object)  # View with other figures
    marked = Signal(object)  # tuple[Mark, ...]
    failed = Signal(object)  # HeftError; nothing is shown of the repo
    troubled = Signal(object)  # HeftError while settling; the estimates stand
    progressed = Signal(str)  # what goes on in words, "" when settled

    def __init__(self, service: PickerService, tasks: Tasks, controls: Controls, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._service = service
        self._tasks = tasks
        self._controls = controls
        self._repo: PickedRepo | None = None
        self._opening: Task | None = None
        self._settling: Task | None = None
        self._marking: Task | None = None
        self._marked_for: object = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(SETTLE_MILLISECONDS)
        self._rest.timeout.connect(self._settle)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._show)
        self._looking: Task | None = None
        self._meter = QTimer(self)
        self._meter.setInterval(WATCH_MILLISECONDS)
        self._meter.timeout.connect(self.look_again)

    @property
    def repo(self) -> PickedRepo | None:
        """The repo in view."""
        return self._repo

    def open(self, repo_id: str) -> None:
        """Weigh another repo."""
        self.stop()
        self._repo = None
        self.progressed.emit(tr("Looking at the files…"))
        self._opening = self._tasks.run(
            lambda context: self._service.open(repo_id),
            done=self._opened,
            failed=self._failed,
            lane=Lane.NETWORK,
            owner=self,
        )

    def stop(self) -> None:
        """Leave what is under way."""
        for task in (self._opening, self._settling, self._marking):
            if task is not None:
                task.cancel()
        self._opening = self._settling = self._marking = None
        self._rest.stop()
        self._soon.stop()

    def set_watching(self, watching: bool) -> None:
        """Follow this computer's free memory, or leave it alone: nobody sees the figures."""
        if watching:
            self._meter.start()
            self.look_again()
            self.look_for_copies()
        else:
            self._meter.stop()

    def look_again(self) -> None:
        """Weigh anew where much more or less memory is free than before."""
        repo = self._repo
        if repo is None or self._controls.machine is not None or self._looking is not None:
            return
        if self._opening is None and self._settling is None:
            self._looking = self._tasks.run(
                lambda context: repo.refresh(),
                done=lambda changed: self._looked(repo, changed),
                failed=lambda error: self._looked(repo, False),
                lane=Lane.JOB,
                owner=self,
            )

    def look_for_copies(self) -> None:
        """Look again which variants are on this computer: one came, or was removed."""
        repo = self._repo
        if repo is not None:
            self._tasks.run(
                lambda context: repo.look_for_copies(),
                done=lambda changed: self._show() if changed and repo is self._repo else None,
                lane=Lane.JOB,
                owner=self,
            )

    def measured(self) -> None:
        """This computer was calibrated: the speeds are others now."""
        if self._repo is not None:
            self._repo.forget_rates()
            self._show()
            self._settle()  # another way to compute attention may be the quicker one now

    def set_controls(self, controls: Controls) -> None:
        """Weigh with other settings; several changes before the next paint are one."""
        self._controls = controls
        if self._repo is not None:
            if self._settling is not None:
                self._settling.cancel()
                self._settling = None
            self._soon.start()
            self._rest.start()

    # -- inside ----------------------------------------------------------------------------------

    def _looked(self, repo: PickedRepo, changed: bool) -> None:
        self._looking = None
        if changed and repo is self._repo and self._opening is None:
            self._marked_for = None
            self._show()
            self._settle()

    def _opened(self, repo: PickedRepo) -> None:
        self._marked_for = None
        self.remembered.emit(repo.remembered)  # the controls answer with what to weigh it by
        self._repo = repo
        self.opened.emit(repo.view(self._controls))
        if not repo.variants:
            self.progressed.emit("")
            return
        self.progressed.emit(tr("Reading the first kilobytes…"))
        self._opening = self._tasks.run(
            lambda context: repo.read_first(lambda: context.cancelled),
            done=lambda _: self._estimated(),
            failed=self._failed,
            lane=Lane.NETWORK,
            owner=self,
        )

    def _estimated(self) -> None:
        self._opening = None
        self._show()
        self._settle()

    def _show(self) -> None:
        if self._repo is not None:
            self.changed.emit(self._repo.view(self._controls))

    def _settle(self) -> None:
        repo, controls = self._repo, self._controls
        if repo is None or self._opening is not None:
            return
        if self._settling is not None:
            self._settling.cancel()
        self._mark()
        self.progressed.emit(tr("The engine plans each variant…"))

        def work(context: TaskContext) -> View:
            repo.settle(controls, lambda: context.progress(repo.view(controls)), lambda: context.cancelled)
            return repo.view(controls, longest=True)

        self._settling = self._tasks.run(
            work, done=self._settled, progress=self.changed.emit, failed=self._troubled, lane=Lane.NETWORK, owner=self
        )

    def _mark(self) -> None:
        """Marks depend on everything but the context and the goal, and on the models as far as they were read."""
        repo, controls = self._repo, self._controls
        if repo is None:
            return
        load = replace(controls.load, context=None, threads=None)
        wanted = (id(repo), load, id(controls.machine), repo.built)
        if wanted == self._marked_for:
            return
        self._marked_for = wanted
        self._marking = self._tasks.run(
            lambda context: repo.marks(controls), done=self.marked.emit, lane=Lane.JOB, owner=self
        )

    def _settled(self, view: View) -> None:
        self._settling = None
        self.changed.emit(view)
        self._mark()
        self.progressed.emit("")

    def _troubled(self, error: HeftError) -> None:
        self._settling = None
        self.progressed.emit("")
        if not isinstance(error, CancelledError):
            self.troubled.emit(error)

    def _failed(self, error: HeftError) -> None:
        self._opening = None
        self.progressed.emit("")
        if not isinstance(error, CancelledError):
            self._repo = None
            self.failed.emit(error)
