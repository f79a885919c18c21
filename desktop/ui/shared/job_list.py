"""Jobs as rows: what each is at, how far and how fast, and the buttons that steer it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from desktop.core.text import visible_in_place
from desktop.core.words import tr
from desktop.services.job_kinds import Job
from desktop.services.job_words import job_words, resume_word
from desktop.ui.shared.elided_label import ElidedLabel, FigureLabel
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.theme import set_role

_STEPS = 1000


def _runs(job: Job) -> bool:
    """Whether a model came of it, which is still there to be shown, run or removed."""
    return job.phase == "done" and job.result is not None and job.result.suffix.lower() == ".gguf"


def _buttons(job: Job) -> tuple[tuple[str, str], ...]:
    """What can be done with a job: words of its buttons, and what they ask for. The last takes it out of the list."""
    if job.phase == "done":
        return ((tr("Chat now"), "chat"), (tr("Clear"), "clear")) if _runs(job) else ((tr("Clear"), "clear"),)
    if not job.active and not job.resumable:
        return ((tr("Clear"), "clear"),)
    cancel = (tr("Cancel"), "cancel")
    if job.active:
        return ((tr("Pause"), "pause"), cancel) if job.resumable else (cancel,)
    return ((resume_word(job.anew, job.kind), "resume"), cancel)


class JobRow(QFrame):
    """One job. Its buttons keep their places while it runs, so that a click meets what was aimed at."""

    asked = Signal(str, str)  # what a button asks for, and the job's id

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._id = job.id
        self._result = job.result
        self.setObjectName(f"job_{job.id}")
        set_role(self, "card")
        self._name = ElidedLabel()
        set_role(self._name, "subtitle")
        self._state = FigureLabel(f"jobState_{job.id}")
        self._error = plain_label("jobError")  # what to do about it, or what was found, is never cut off
        self._error.setMinimumWidth(1)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._first, self._second = QPushButton(), QPushButton()
        for button in (self._first, self._second):
            set_role(button, "small")
        head = QHBoxLayout()
        head.setSpacing(2)
        head.addWidget(self._name)
        head.addStretch(1)
        head.addWidget(self._first)
        head.addWidget(self._second)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 4, 6, 8)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self._bar)
        self._show, self._remove = QPushButton(tr("Show in folder")), QPushButton(tr("Remove…"))
        below = QHBoxLayout()
        below.setSpacing(2)
        for button, action in ((self._show, "show"), (self._remove, "remove")):
            set_role(button, "small")
            button.setObjectName(f"{action}_{job.id}")
            button.setAccessibleName(f"{button.text().rstrip('…')} {job.name}")
            below.addWidget(button)
        below.addStretch(1)
        column.addWidget(self._state)  # a line of its own: speed and time left are read, not guessed
        column.addLayout(below)
        column.addWidget(self._error)
        self._first.clicked.connect(lambda: self._press(self._first))
        self._second.clicked.connect(lambda: self._press(self._second))
        self._remove.clicked.connect(lambda: self._press(self._remove))
        self._show.clicked.connect(self._show_in_folder)
        self.show_job(job)

    def show_job(self, job: Job) -> None:
        """Show a new state."""
        self._name.set_whole_text(job.name)
        words = job_words(job)
        whole = job.error is not None or bool(job.outcome)
        self._state.set_whole_text("" if whole else words)
        self._state.setVisible(not whole)
        self._error.setText(visible_in_place(words) if whole else "")
        self._error.setVisible(whole)
        step = job.progress
        self._bar.setRange(0, _STEPS if step.known or job.phase != "running" else 0)  # without an end it runs along
        self._bar.setValue(round(_STEPS * step.fraction))
        self._bar.setAccessibleName(f"{job.name}: {step.fraction:.0%}")
        self._bar.setVisible(job.phase != "done")
        set_role(self._state, "good" if job.phase == "done" else "muted")
        set_role(self._error, {"failed": "bad", "done": "muted"}.get(job.phase, "warn"))
        self._result = job.result
        for button in (self._show, self._remove):
            button.setVisible(_runs(job))
        offered = _buttons(job)
        first = offered[0] if len(offered) > 1 else ("", "")
        for button, (word, action) in ((self._first, first), (self._second, offered[-1])):
            button.setVisible(bool(word))
            button.setText(word)
            button.setAccessibleName(f"{word} {job.name}")
            button.setObjectName(f"{action}_{job.id}" if action else "")

    def _show_in_folder(self) -> None:
        if self._result is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._result.parent)))

    def _press(self, button: QPushButton) -> None:
        self.asked.emit(button.objectName().partition("_")[0], self._id)


class JobList(QWidget):
    """One row per job, patched when the job changes."""

    asked = Signal(str, str)  # "pause", "resume", "cancel", "clear", "chat" or "remove", and the job's id

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: dict[str, JobRow] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(6)

    def height_for(self, width: int) -> int:
        """How high all rows are in this width, in pixels."""
        return max(self._column.heightForWidth(width), self._column.minimumSize().height())

    def show_jobs(self, jobs: Sequence[Job]) -> None:
        """Show these jobs."""
        for gone in self._rows.keys() - {job.id for job in jobs}:
            row = self._rows.pop(gone)
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        for place, job in enumerate(jobs):
            shown = self._rows.get(job.id)
            if shown is None:
                shown = self._rows[job.id] = JobRow(job)
                shown.asked.connect(self.asked)
                self._column.insertWidget(place, shown)
                shown.show()
            else:
                shown.show_job(job)
                if self._column.indexOf(shown) != place:
                    self._column.insertWidget(place, shown)
