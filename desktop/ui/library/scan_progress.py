"""How far a search for models is."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from desktop.core.progress import Progress
from desktop.core.words import tr
from desktop.ui.shared.progress_line import ProgressLine


class ScanProgressLine(ProgressLine):
    """Tells how many files were found, then which is read."""

    def __init__(self, parent: QWidget | None = None) -> None:
        cancel = ("libraryCancelScan", tr("Stop looking for models"))
        elide = Qt.TextElideMode.ElideRight
        super().__init__("libraryProgress", tr("Progress of the search for models"), cancel, elide, parent)

    def show_progress(self, progress: Progress) -> None:
        """Show a step; the bar has no end while files are still being looked for."""
        if progress.known:
            text = tr(
                "Reading {done:,} of {total:,}: {note}",
                done=progress.done + 1,
                total=progress.total,
                note=progress.note,
            )
        else:
            text = tr("Looking for models: {done:,} files so far", done=progress.done)
        self.set_progress(progress, text)
