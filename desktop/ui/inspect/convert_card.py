"""Below what is said of a folder of safetensors: what making a GGUF file of it takes, and the button that does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMessageBox, QVBoxLayout, QWidget

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.core.progress import Progress
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.ui.inspect import actions
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.progress_line import ProgressLine
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.tasks import Lane, Task, TaskContext, Tasks
from desktop.ui.shell.theme import set_role

if TYPE_CHECKING:
    from desktop.services.lab.converting import Converted, ConvertingService, ConvertProspect


class ConvertCard(QFrame):
    """Hidden but for a folder of this computer, or a file of one, that can be converted."""

    notify = Signal(object)  # HeftError or str
    made = Signal(str)  # path of the file

    def __init__(self, service: Callable[[], ConvertingService], tasks: Tasks, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("convertCard")
        set_role(self, "card")
        self._service, self._tasks = service, tasks
        self._folder: Path | None = None
        self._looking: Task | None = None
        self._stop: threading.Event | None = None
        self._words = plain_label("convertWords", selectable=True)
        self._words.setMinimumWidth(1)
        self._button = push_button(
            actions.CONVERT.short, "inspectConvert", spoken=actions.CONVERT.words, role="primary"
        )
        self._button.clicked.connect(self.start)
        self._line = ProgressLine(
            "convertLine",
            tr("The conversion"),
            ("convertLineCancel", tr("Cancel the conversion")),
            Qt.TextElideMode.ElideMiddle,
        )
        self._line.cancelled.connect(self._cancel)
        self._line.hide()
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self._words, 1)
        row.addWidget(self._button, 0, Qt.AlignmentFlag.AlignVCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 10, 14, 10)
        column.addLayout(row)
        column.addWidget(self._line)
        self.hide()

    @property
    def ready(self) -> bool:
        """Whether a folder is in view that can be converted now."""
        return not self.isHidden() and self._stop is None

    def show_folder(self, path: Path | None) -> None:
        """Say what it takes for a folder, or a file of one; None hides it. What runs goes on."""
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        self._folder = path
        self.hide()
        if path is None:
            return

        def look(context: TaskContext) -> str:
            from desktop.services.lab.convert_words import outlook_words
            from desktop.services.lab.model_folder import read_folder

            return outlook_words(read_folder(path).outlook)

        def found(words: str) -> None:
            self._words.setText(f"{words}.")
            self.show()

        self._looking = self._tasks.run(look, done=found, failed=lambda _error: None, lane=Lane.JOB, owner=self)

    def start(self) -> None:
        """Look what the converter needs; ask where that has to be fetched; convert."""
        path = self._folder
        if path is None or self._stop is not None:
            return
        stop = self._begin(tr("Looking what the converter needs…"))
        self._tasks.run(
            lambda _context: self._service().prospect(path, cancelled=stop.is_set),
            done=self._asked,
            failed=self._failed,
            lane=Lane.COMMAND,
            owner=self,
        )

    # -- inside ------------------------------------------------------------------------------------

    def _asked(self, prospect: ConvertProspect) -> None:
        from desktop.services.lab.convert_words import environment_words

        if prospect.cost is None:
            self._convert(prospect)
            return
        self._end()
        box = QMessageBox(
            QMessageBox.Icon.Question, tr("Convert to GGUF"), tr("Fetch what the converter needs?"),
            QMessageBox.StandardButton.Cancel, self,
        )  # fmt: skip
        box.setObjectName("convertQuestion")
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setInformativeText(environment_words(prospect.cost))
        box.setDefaultButton(QMessageBox.StandardButton.Cancel)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        agree = box.addButton(tr("Fetch and convert"), QMessageBox.ButtonRole.AcceptRole)
        agree.setObjectName("convertConfirm")
        agree.clicked.connect(lambda: self._convert(prospect))
        box.open()

    def _convert(self, prospect: ConvertProspect) -> None:
        words = tr("Making {name}", name=prospect.target.name)
        stop = self._begin(f"{words}…")
        self._tasks.run(
            lambda context: self._service().convert(prospect, progress=context.progress, cancelled=stop.is_set),
            done=self._done,
            failed=self._failed,
            progress=lambda step: self._line.set_progress(step, f"{words} · {step.note}" if step.note else words),
            lane=Lane.COMMAND,
            owner=self,
        )

    def _done(self, made: Converted) -> None:
        self._end()
        name, size = Path(made.path).name, human_bytes(made.size_bytes)
        self.notify.emit(
            tr("{name} was made and tried: {size}. The Lab makes smaller variants of it.", name=name, size=size)
        )
        if self.isVisible():  # somebody who looks at something else meanwhile goes on with that
            self.made.emit(made.path)

    def _failed(self, error: HeftError) -> None:
        self._end()
        if not isinstance(error, CancelledError):
            self.notify.emit(error)

    def _cancel(self) -> None:
        if self._stop is not None:
            self._stop.set()

    def _begin(self, words: str) -> threading.Event:
        stop = self._stop = threading.Event()  # when the window closes, the job goes on at its next start
        here = self._button.hasFocus()
        self._line.set_progress(Progress(), words)
        self._line.show()
        if here:
            self._line.take_focus()  # before the button that has the keyboard is disabled
        self._button.setEnabled(False)
        return stop

    def _end(self) -> None:
        self._stop = None
        here = self._line.has_focus
        self._button.setEnabled(True)
        if here:
            self._button.setFocus(Qt.FocusReason.OtherFocusReason)
        self._line.hide()


def connect_convert(commands: ActionRegistry, card: Callable[[], object]) -> None:
    """The page's action is the button of the card that ``card`` gives, where there is one."""

    def shown() -> ConvertCard | None:
        found = card()
        return found if isinstance(found, ConvertCard) and found.ready else None

    def start() -> None:
        found = shown()
        if found is not None:
            found.start()

    commands.connect_to(actions.CONVERT, start)
    commands.ask(actions.CONVERTIBLE, lambda: shown() is not None)
