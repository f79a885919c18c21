"""Where downloads go: told below the variants, and changed there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QMenu, QToolButton, QWidget

from desktop.core.text import plain_tooltip, visible_in_place
from desktop.core.words import tr
from desktop.services.models.download_folder import DownloadFolder
from desktop.ui.discover import actions
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.tasks import Lane, Tasks
from desktop.ui.shell.theme import set_role

T = TypeVar("T")

_CACHE = tr("the Hugging Face cache")
_MOST_WIDTH = 260  # pixels of a path; the middle of a longer one is left out


class DownloadPlace(QToolButton):
    """Names the folder; its menu chooses another one, which holds for all downloads that begin later."""

    told = Signal(object)  # words, or the HeftError of what failed

    def __init__(
        self,
        cache: Callable[[], Path],
        service: DownloadFolder,
        tasks: Tasks,
        commands: ActionRegistry,
        parent: QWidget | None = None,
    ) -> None:
        """``cache`` is the Hugging Face cache, ``commands`` are the page's."""
        super().__init__(parent)
        self.setObjectName("downloadPlace")
        set_role(self, "ghost")
        self._cache = cache
        self._service = service
        self._tasks = tasks
        self._commands = commands
        commands.connect_to(actions.CHOOSE_PLACE, self._ask)
        commands.connect_to(actions.OPEN_PLACE, self._open)
        self._folder: Path | None = None
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        menu.setObjectName("downloadPlaceMenu")
        menu.aboutToShow.connect(self._fill)
        self.setMenu(menu)
        self._show(None)

    def look(self) -> None:
        """Ask where downloads go now, and say so."""
        self._run(self._service.current, self._show)

    def _choose(self, folder: Path | None) -> None:
        def chosen(words: str) -> None:
            self.told.emit(words)
            self.look()

        self._run(lambda: self._service.choose(folder), chosen)

    def _run(self, call: Callable[[], T], done: Callable[[T], None]) -> None:
        run, failed = self._tasks.run, self.told.emit
        run(lambda _: call(), done=done, failed=failed, lane=Lane.COMMAND, owner=self, queue="place of downloads")

    def _show(self, folder: Path | None) -> None:
        self._folder = folder
        where = visible_in_place(str(folder)) if folder is not None else _CACHE
        shown = self.fontMetrics().elidedText(where, Qt.TextElideMode.ElideMiddle, _MOST_WIDTH)
        self.setText(tr("Download to {replace} ▾", replace=shown.replace("&", "&&")))
        self.setAccessibleName(tr("Downloads go to {where}: choose another place", where=where))
        self.setToolTip(plain_tooltip(tr("Downloads go to {where}", where=where)))

    def _fill(self) -> None:
        menu = self.menu()
        menu.clear()
        cache = menu.addAction(tr("The Hugging Face cache, shared with other programs"))
        cache.triggered.connect(lambda: self._choose(None))
        cache.setCheckable(True)
        cache.setChecked(self._folder is None)
        if self._folder is not None:
            known = menu.addAction(visible_in_place(str(self._folder)).replace("&", "&&"))
            known.setCheckable(True)
            known.setChecked(True)
        self._commands.add_to(menu, actions.CHOOSE_PLACE)
        menu.addSeparator()
        self._commands.add_to(menu, actions.OPEN_PLACE)

    def _ask(self) -> None:
        dialog = QFileDialog(self.window(), tr("Download to"))
        dialog.setObjectName("downloadPlaceDialog")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self._choose(Path(name)))
        dialog.open()

    def _open(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._folder or self._cache())))
