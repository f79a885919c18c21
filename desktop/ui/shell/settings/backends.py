"""The card of backends: which serves which device, what its trial said, and adding, trying, removing, going back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from desktop.core.errors import HeftError
from desktop.core.progress import Progress
from desktop.core.text import visible_in_place
from desktop.core.words import tr
from desktop.engine.further_backends import PATTERN
from desktop.services.engine.backend_places import backend_folder
from desktop.services.engine.backend_words import ABOUT, ORIGINS, speed_words, state_words, trial_words
from desktop.services.engine.backends import Backend, Backends
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.signals import calling
from desktop.ui.shell.settings.backend_build import BackendBuildOffer
from desktop.ui.shell.settings.rows import SettingsCard
from desktop.ui.shell.tasks import Lane, Task, TaskContext, Tasks
from desktop.ui.shell.theme import set_role

if TYPE_CHECKING:
    from desktop.services.engine.backend_building import BackendBuildService
    from desktop.services.engine.backends import BackendService

_ROLES = {"used": "", "second": "muted", "aside": "muted", "refused": "bad", "untried": "muted"}
_TRYING = tr("Trying it in a process of its own: up to a minute…")


class BackendsCard(SettingsCard):
    """A row for each backend. What is asked for runs in the background, one thing at a time."""

    changed = Signal()  # the engine has other backends now

    def __init__(
        self, tasks: Tasks, service: Callable[[], BackendService], builds: Callable[[], BackendBuildService]
    ) -> None:
        super().__init__("settingsBackends", tr("Backends"))
        self._tasks, self._service = tasks, service
        self._task: Task | None = None
        self._buttons: list[QPushButton] = []
        self._back = push_button(tr("Back"), "settingsBackendsBack", tr("Undo the last change of the backends"))
        self._back.clicked.connect(calling(self._do, "", self._go_back))
        self._add = push_button(tr("Add…"), "settingsBackendsAdd", tr("A backend library of the same llama.cpp"))
        self._add.clicked.connect(self._choose)
        build = push_button(tr("Build…"), "settingsBackendsBuild", tr("Make one out of the engine's own sources"))
        build.setCheckable(True)
        self.head.addWidget(self._back)
        self.head.addWidget(build)
        self.head.addWidget(self._add)
        self._back.setEnabled(False)
        self.add_line("settingsBackendsAbout", ABOUT, "muted")
        self.builds = BackendBuildOffer(tasks, builds)
        build.toggled.connect(self.builds.offer)
        self.builds.built.connect(calling(build.setChecked, False))
        self.builds.built.connect(self.changed)
        self.column.addWidget(self.builds)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(12)
        self.column.addLayout(self._rows)
        self._told = self.add_line("settingsBackendsState")
        self._told.hide()
        self._cancel = push_button(tr("Cancel"), "settingsBackendsCancel", spoken=tr("Cancel the trial"))
        self._cancel.clicked.connect(self._give_up)
        self._cancel.hide()
        folder = push_button(tr("Open the folder"), "settingsBackendsFolder", tr("Where backends that you added are"))
        set_role(folder, "small")
        folder.clicked.connect(_open_folder)
        foot = QHBoxLayout()
        foot.addWidget(folder)
        foot.addStretch(1)
        foot.addWidget(self._cancel)
        self.column.addLayout(foot)

    def show_backends(self, found: Backends) -> None:
        """In the place of what was shown."""
        while (item := self._rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.setParent(None)
                widget.deleteLater()
        self._buttons = []
        for number, backend in enumerate(found.backends):
            self._rows.addWidget(self._row(number, backend, found))
        for number, note in enumerate(found.notes):
            self._rows.addWidget(plain_label(f"backendNote{number}", "muted", note))
        self._back.setEnabled(found.can_go_back)

    # -- rows ------------------------------------------------------------------------------------

    def _row(self, number: int, backend: Backend, found: Backends) -> QWidget:
        words = QVBoxLayout()
        words.setSpacing(1)
        sign = {"used": "✓ ", "refused": "✗ "}.get(backend.state, "")
        head = QHBoxLayout()
        head.addWidget(plain_label(f"backend{number}", "subtitle", visible_in_place(backend.name)), 1)
        for button in self._acts(number, backend, found):
            head.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        words.addLayout(head)
        state = f"{sign}{state_words(backend)}"
        words.addWidget(plain_label(f"backend{number}State", _ROLES[backend.state], visible_in_place(state)))
        facts = " · ".join(fact for fact in (backend.file, ORIGINS[backend.origin], trial_words(backend)) if fact)
        for name, text in ((tr("Facts"), facts), (tr("Speed"), speed_words(backend))):
            if text:
                words.addWidget(plain_label(f"backend{number}{name}", "muted", visible_in_place(text)))
        held = QWidget()
        held.setLayout(words)
        words.setContentsMargins(0, 0, 0, 0)
        return held

    def _acts(self, number: int, backend: Backend, found: Backends) -> list[QPushButton]:
        """What can be done with it; nothing with what is compiled into the engine."""
        if not backend.key:
            return []
        made = []
        first = next((other for other in found.backends if other.used and other.key), None)
        if backend.state in ("second", "aside") or (backend.used and backend is not first):
            made.append(self._act(tr("Use"), f"backend{number}Use", backend, self._use))
        made.append(self._act(tr("Try again"), f"backend{number}Try", backend, self._try))
        if backend.state != "aside":
            made.append(self._act(tr("Remove"), f"backend{number}Remove", backend, self._remove))
        return made

    def _act(self, text: str, name: str, backend: Backend, does: Callable[..., Any]) -> QPushButton:
        button = push_button(text, name, spoken=f"{text}: {backend.name}")
        set_role(button, "small")
        words = _TRYING if text == tr("Try again") else ""
        button.clicked.connect(calling(self._do, words, lambda context: does(backend, context)))
        self._buttons.append(button)
        return button

    # -- acts, in the background -----------------------------------------------------------------

    def add(self, file: Path) -> None:
        """Take a library in, once it has proven itself."""
        self._do(_TRYING, lambda context: self._taken(file, context))

    def _taken(self, file: Path, context: TaskContext) -> str:
        backend = self._service().add(file, progress=context.progress, cancelled=lambda: context.cancelled)
        return tr("{name} was added and {backend}.", name=backend.name, backend=state_words(backend))

    def _try(self, backend: Backend, context: TaskContext) -> str:
        found = self._service().try_again(backend.key, progress=context.progress, cancelled=lambda: context.cancelled)
        return f"{found.name}: {trial_words(found) if found.state != 'refused' else state_words(found)}."

    def _use(self, backend: Backend, _context: TaskContext) -> str:
        found = self._service().use(backend.key)
        return tr("{name} {found}. It counts from the next load on.", name=found.name, found=state_words(found))

    def _remove(self, backend: Backend, _context: TaskContext) -> str:
        self._service().remove(backend.key)
        return tr("{name} is not used any more. Back brings it back.", name=backend.name)

    def _go_back(self, _context: TaskContext) -> str:
        self._service().back()
        return tr("What was before the last change is used again; Back once more undoes that.")

    def _do(self, words: str, act: Callable[[TaskContext], str]) -> None:
        if self._task is not None and self._task.running:
            return
        self._working(True)
        self._tell(words or "…", "muted")
        self._cancel.setVisible(bool(words))
        self._task = self._tasks.run(
            act, progress=self._show_step, done=self._done, failed=self._failed, lane=Lane.JOB, owner=self
        )

    def _give_up(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._working(False)
        self._tell(tr("The trial was cancelled; nothing has changed."), "muted")

    def _working(self, on: bool) -> None:
        for button in (*self._buttons, self._add):
            button.setEnabled(not on)
        self._back.setEnabled(False)
        self._cancel.hide()
        if not on:
            self.changed.emit()

    def _show_step(self, step: Progress) -> None:
        if step.note:
            self._tell(tr("Computing the known answer on {note}…", note=visible_in_place(step.note)), "muted")

    def _done(self, words: str) -> None:
        self._tell(words, "")
        self._working(False)

    def _failed(self, error: HeftError) -> None:
        self._tell(f"{error.message} {error.hint}".strip(), "bad")
        self._working(False)

    def _tell(self, words: str, role: str) -> None:
        self._told.setText(visible_in_place(words))
        set_role(self._told, role)
        self._told.show()

    def _choose(self) -> None:
        dialog = QFileDialog(
            self, tr("Add a backend"), "", tr("Backend libraries ({pattern});;All files (*)", pattern=PATTERN)
        )
        dialog.setObjectName("backendDialog")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self.add(Path(name)))
        dialog.open()


def _open_folder() -> None:
    folder = backend_folder()
    folder.mkdir(parents=True, exist_ok=True)
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
