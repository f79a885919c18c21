"""The downloads: what comes, how fast, how long still, with pause, resume and cancel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from desktop.core.words import tr
from desktop.services.job_kinds import Job
from desktop.ui.shared.job_list import JobList
from desktop.ui.shell.theme import set_role

_SIDES = 24  # pixels left and right of the rows
_MOST_HEIGHT = 240  # beyond that the rows scroll: the search above keeps its room


class DownloadsPanel(QWidget):
    """The downloads among the jobs; hidden without any."""

    asked = Signal(str, str)  # "pause", "resume", "cancel", "clear" or "chat", and the download's id
    remove_asked = Signal(object)  # Path of a model that was downloaded

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("downloadsPanel")
        self.setAccessibleName(tr("Downloads"))
        title = QLabel(tr("Downloads"))
        set_role(title, "subtitle")
        self._list = JobList()
        self._list.setObjectName("downloadsInside")
        self._list.asked.connect(self._ask)
        self._results: dict[str, Path | None] = {}
        self._scroll = QScrollArea()
        self._scroll.setObjectName("downloadsScroll")
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setWidgetResizable(True)
        self._scroll.setWidget(self._list)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 12)
        column.setSpacing(6)
        column.addWidget(title)
        column.addWidget(self._scroll)
        self.hide()

    def show_jobs(self, jobs: Sequence[Job]) -> None:
        """Show these downloads, patching rows that are there."""
        self._results = {job.id: job.result for job in jobs}
        self._list.show_jobs(jobs)
        self.setVisible(bool(jobs))
        self._fit()

    def _ask(self, word: str, download: str) -> None:
        if word != "remove":
            self.asked.emit(word, download)
        elif (path := self._results.get(download)) is not None:
            self.remove_asked.emit(path)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another width breaks the words of errors elsewhere."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self._scroll.setFixedHeight(min(_MOST_HEIGHT, self._list.height_for(self.width() - _SIDES)))
