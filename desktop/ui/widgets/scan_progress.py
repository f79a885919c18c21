"""A line that shows how far a search for models is, and lets it be cancelled."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QWidget

from desktop.services.library import ScanProgress
from desktop.ui.theme import set_role
from desktop.ui.widgets.elided_label import ElidedLabel


class ScanProgressLine(QWidget):
    """Bar, words and a Cancel button."""

    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("libraryProgress")
        self._bar = QProgressBar()
        self._bar.setObjectName("libraryProgressBar")
        self._bar.setAccessibleName("Progress of the search for models")
        self._bar.setTextVisible(False)
        self._words = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._words.setObjectName("libraryProgressText")
        set_role(self._words, "muted")
        cancel = QPushButton("Cancel")
        cancel.setObjectName("libraryCancelScan")
        cancel.setAccessibleName("Stop looking for models")
        cancel.clicked.connect(self.cancelled)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(self._bar, 1)
        row.addWidget(self._words, 1)
        row.addWidget(cancel)

    def show_progress(self, progress: ScanProgress) -> None:
        """Show a step; the bar has no end while files are still being looked for."""
        self._bar.setRange(0, progress.total)
        self._bar.setValue(progress.done)
        if progress.total:
            text = f"Reading {progress.done + 1:,} of {progress.total:,}: {progress.current}"
        else:
            text = f"Looking for models: {progress.done:,} files so far"
        self._words.set_whole_text(text)
