"""Building a backend from the settings: what it asks of this computer, said before, and how far it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.progress import Progress
from desktop.core.text import visible_in_place
from desktop.core.words import tr
from desktop.engine.builder.cuda import NATIVE
from desktop.services.engine.backend_building import TITLES, Buildable
from desktop.services.engine.backend_words import effort_words, state_words
from desktop.services.job_words import step_words
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.signals import calling
from desktop.ui.shell.tasks import Lane, Task, TaskContext, Tasks
from desktop.ui.shell.theme import set_role

if TYPE_CHECKING:
    from desktop.services.engine.backend_building import BackendBuildService

_ASKING = tr("Looking what is here…")


class BackendBuildOffer(QWidget):
    """A row for each backend that can be built; while one is, how far it is. The job stays when this is closed."""

    built = Signal()  # the engine has another backend now

    def __init__(self, tasks: Tasks, service: Callable[[], BackendBuildService]) -> None:
        super().__init__()
        self._tasks, self._service = tasks, service
        self._building: Task | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self._offers = QWidget()
        rows = QVBoxLayout(self._offers)
        rows.setContentsMargins(0, 0, 0, 0)
        self._efforts = {name: plain_label(f"backendBuild_{name}Effort", "muted", _ASKING) for name in TITLES}
        self._buttons = [self._offer(name, rows) for name in TITLES]
        self._offers.hide()
        column.addWidget(self._offers)
        self._state = plain_label("backendBuildState", "muted")
        self._cancel = push_button(
            tr("Cancel the build"), "backendBuildCancel", tr("What is compiled so far is removed")
        )
        set_role(self._cancel, "small")
        self._cancel.clicked.connect(self._give_up)
        foot = QHBoxLayout()
        foot.addWidget(self._state, 1)
        foot.addWidget(self._cancel, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(foot)
        self._state.hide()
        self._cancel.hide()

    def offer(self, wanted: bool) -> None:
        """Show what can be built, with what it asks of this computer, or hide it."""
        self._offers.setVisible(wanted)
        if wanted:
            self._tasks.run(lambda context: self._known(), done=self._show, lane=Lane.JOB, owner=self)

    def follow(self) -> None:
        """Show how far a build is that was begun earlier."""
        if self._building is None or not self._building.running:
            self._tasks.run(lambda context: self._service().under_way(), done=self._go_on, lane=Lane.JOB, owner=self)

    # -- rows --------------------------------------------------------------------------------------

    def _offer(self, name: Buildable, rows: QVBoxLayout) -> QPushButton:
        button = push_button(
            tr("Build"), f"backendBuild_{name}", spoken=tr("Build the {titles} backend", titles=TITLES[name])
        )
        set_role(button, "small")
        button.clicked.connect(calling(self._build, name))
        row = QHBoxLayout()
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(plain_label(f"backendBuild_{name}Title", text=TITLES[name]))
        words.addWidget(self._efforts[name])
        row.addLayout(words, 1)
        row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        rows.addLayout(row)
        return button

    def _known(self) -> dict[Buildable, str]:
        service = self._service()
        return {name: effort_words(name, service.effort(name)) for name in TITLES}

    def _show(self, efforts: dict[Buildable, str]) -> None:
        for name, words in efforts.items():
            self._efforts[name].setText(words)

    # -- the build ---------------------------------------------------------------------------------

    def _go_on(self, order: tuple[Buildable, str] | None) -> None:
        if order is not None:
            self._build(*order)

    def _build(self, name: Buildable, architecture: str = NATIVE) -> None:
        if self._building is not None and self._building.running:
            return
        for button in self._buttons:
            button.setEnabled(False)
        self._cancel.show()
        self._tell(tr("Preparing the build of {titles}…", titles=TITLES[name]), "muted")
        self._building = self._tasks.run(
            lambda context: self._built(name, architecture, context),
            progress=lambda step: self._step(name, step),
            done=self._done,
            failed=self._failed,
            lane=Lane.COMMAND,
            owner=self,
        )

    def _built(self, name: Buildable, architecture: str, context: TaskContext) -> str:
        backend = self._service().build(
            name, architecture, progress=context.progress, cancelled=lambda: context.cancelled
        )
        return tr("{name} was built and {backend}.", name=backend.name, backend=state_words(backend))

    def _step(self, name: Buildable, step: Progress) -> None:
        words = step_words(step)
        self._tell(
            tr("Building {titles}: {words}. The list of jobs pauses it.", titles=TITLES[name], words=words)
            if words
            else "",
            "muted",
        )

    def _give_up(self) -> None:
        if self._building is not None:
            self._building.cancel()
        self._ended()
        self._tell(tr("The build was cancelled."), "muted")

    def _done(self, words: str) -> None:
        self._ended()
        self._offers.hide()
        self._tell(words, "")
        self.built.emit()

    def _failed(self, error: HeftError) -> None:
        self._ended()
        if error.kind is FailureKind.CANCELLED:
            self._tell(tr("The build was cancelled."), "muted")
        else:
            self._tell(f"{error.message} {error.hint}".strip(), "bad")

    def _ended(self) -> None:
        for button in self._buttons:
            button.setEnabled(True)
        self._cancel.hide()

    def _tell(self, words: str, role: str) -> None:
        self._state.setText(visible_in_place(words))
        set_role(self._state, role)
        self._state.setVisible(bool(words))
