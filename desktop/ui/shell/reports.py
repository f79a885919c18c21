"""A report for an issue, saved where downloads go; and the offer of one after a start that ended in a crash."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QStandardPaths, QUrl, Signal
from PySide6.QtGui import QDesktopServices

from desktop.core.words import tr
from desktop.system.crashes import collect_crashes
from desktop.ui.shell.notifications import Offer
from desktop.ui.shell.tasks import Lane, Tasks


class Reports(QObject):
    """Works in the background; ``told`` carries what the notification area shows."""

    told = Signal(object)  # HeftError, Offer or str

    def __init__(self, tasks: Tasks, logs: Path, write: Callable[[Path], Path], parent: QObject | None = None) -> None:
        """``write`` puts a report into a folder and names the file, or raises HeftError. ``logs`` is Heft's folder."""
        super().__init__(parent)
        self._tasks, self._logs, self._write = tasks, logs, write
        self._saving = False

    def save(self) -> None:
        """Write a report into the user's folder of downloads."""
        if self._saving:
            return
        self._saving = True
        self._tasks.run(
            lambda context: self._write(_downloads()),
            done=self._saved,
            failed=self._failed,
            lane=Lane.JOB,
            owner=self,
        )

    def look_for_crashes(self) -> None:
        """Tell, once, of a process of Heft's that has crashed since the last start."""
        self._tasks.run(lambda context: collect_crashes(self._logs), done=self._found, lane=Lane.JOB, owner=self)

    def _found(self, crashes: list[Path]) -> None:
        if crashes:
            newest = crashes[0]
            self.told.emit(
                Offer(
                    tr("Heft ended unexpectedly last time."),
                    tr("What was saved is there. A report says where it happened, without names and chats."),
                    ((tr("Save report"), self.save), (tr("Show"), lambda: open_path(newest))),
                )
            )

    def _saved(self, path: Path) -> None:
        self._saving = False
        self.told.emit(
            Offer(
                tr("The report is in {name}: {name2}.", name=path.parent.name or path.parent, name2=path.name),
                tr("Read it before you send it."),
                ((tr("Open folder"), lambda: open_path(path.parent)),),
            )
        )

    def _failed(self, error: object) -> None:
        self._saving = False
        self.told.emit(error)


def open_path(path: Path) -> None:
    """Show a file or folder in the program that the system has for it."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))


def _downloads() -> Path:
    found = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DownloadLocation)
    return Path(found) if found else Path.home()
