"""All long work in one place, above the status bar: what runs, waits, is paused, has failed or is done."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from desktop.core.words import tr
from desktop.services.job_kinds import Job
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.job_list import JobList
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.actions import CLEAR_JOBS
from desktop.ui.shell.theme import set_role

_WIDTH, _MARGIN, _SIDES = 460, 12, 30  # pixels; _SIDES are left and right of what is inside
_NOTHING = tr("Nothing to do. Downloads, checks of whole files and calibrations are shown here while they run.")


class JobsPanel(QFrame):
    """Lies over the page, in the lower right corner of its parent; Escape or its button closes it."""

    asked = Signal(str, str)  # "pause", "resume", "cancel", "clear" or "chat", and the job's id

    def __init__(self, commands: ActionRegistry, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("jobsPanel")
        self.setAccessibleName(tr("Jobs"))
        set_role(self, "overlay")
        self._jobs: tuple[Job, ...] = ()
        self._before: QWidget | None = None  # where the keyboard was
        self._corner, self._room = QPoint(), QSize()
        title = QLabel(tr("Jobs"))
        set_role(title, "subtitle")
        self._clear = commands.button(CLEAR_JOBS, "jobsClear")
        self._close = push_button(tr("Close"), "jobsClose", tr("Close (Esc)"), spoken=tr("Close the list of jobs"))
        for button in (self._clear, self._close):
            set_role(button, "small")
        head = QHBoxLayout()
        head.setSpacing(2)
        head.addWidget(title)
        head.addStretch(1)
        head.addWidget(self._clear)
        head.addWidget(self._close)
        self._empty = plain_label("jobsEmpty", "muted", _NOTHING)
        self._list = JobList()
        self._list.setObjectName("jobsInside")
        self._list.asked.connect(self.asked)
        self._scroll = QScrollArea()
        self._scroll.setObjectName("jobsScroll")
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setWidgetResizable(True)
        self._scroll.setWidget(self._list)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 10, 14, 14)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self._empty)
        column.addWidget(self._scroll, 1)
        self._close.clicked.connect(self.close_panel)
        escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), self)
        escape.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        escape.activated.connect(self.close_panel)
        self.hide()

    def show_jobs(self, jobs: Sequence[Job]) -> None:
        """Show these jobs, when it is open or as soon as it is opened."""
        self._jobs = tuple(jobs)
        if self.isVisible():
            self._fill()

    def toggle(self) -> None:
        """Open it, with the keyboard in it, or close it."""
        if self.isVisible():
            self.close_panel()
            return
        self._before = self.window().focusWidget()
        self._fill()
        self.show()
        self.raise_()
        self._close.setFocus(Qt.FocusReason.OtherFocusReason)

    def close_panel(self) -> None:
        """Close it; the keyboard goes back to where it was."""
        inside = self.isAncestorOf(self.window().focusWidget() or self)
        self.hide()
        if inside and self._before is not None and self._before.isVisible():
            self._before.setFocus(Qt.FocusReason.OtherFocusReason)
        self._before = None

    def place(self, corner: QPoint, room: QSize) -> None:
        """Take the lower right ``corner`` of what is free, and at most ``room``."""
        self._corner, self._room = corner, room
        width = min(_WIDTH, room.width() - 2 * _MARGIN)
        inside = (self._list.height_for if self._jobs else self._empty.heightForWidth)(width - _SIDES)
        wanted = inside + self._close.sizeHint().height() + 34
        height = min(wanted, room.height() - 2 * _MARGIN)
        self.setGeometry(corner.x() - width - _MARGIN, corner.y() - height - _MARGIN, width, height)

    def _fill(self) -> None:
        self._list.show_jobs(self._jobs)
        self._empty.setVisible(not self._jobs)
        self._scroll.setVisible(bool(self._jobs))
        self._clear.setVisible(any(job.phase == "done" for job in self._jobs))
        self.place(self._corner, self._room)
