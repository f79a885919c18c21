"""Where downloads go: told below the variants, and changed there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QMenu, QToolButton, QWidget

from desktop.core.text import plain_tooltip, visible_in_place
from desktop.ui.shell.theme import set_role

_CACHE = "the Hugging Face cache"
_MOST_WIDTH = 260  # pixels of a path; the middle of a longer one is left out


class DownloadPlace(QToolButton):
    """Names the folder; its menu chooses another one, which holds for all downloads that begin later."""

    chosen = Signal(object)  # Path, or None for the Hugging Face cache

    def __init__(self, cache: Callable[[], Path], parent: QWidget | None = None) -> None:
        """``cache`` is the Hugging Face cache."""
        super().__init__(parent)
        self.setObjectName("downloadPlace")
        set_role(self, "ghost")
        self._cache = cache
        self._folder: Path | None = None
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        menu.setObjectName("downloadPlaceMenu")
        menu.aboutToShow.connect(self._fill)
        self.setMenu(menu)
        self.show_folder(None)

    def show_folder(self, folder: Path | None) -> None:
        """Say where downloads go."""
        self._folder = folder
        where = visible_in_place(str(folder)) if folder is not None else _CACHE
        shown = self.fontMetrics().elidedText(where, Qt.TextElideMode.ElideMiddle, _MOST_WIDTH)
        self.setText(f"Download to {shown.replace('&', '&&')} ▾")
        self.setAccessibleName(f"Downloads go to {where}: choose another place")
        self.setToolTip(plain_tooltip(f"Downloads go to {where}"))

    def _fill(self) -> None:
        menu = self.menu()
        menu.clear()
        cache = menu.addAction("The Hugging Face cache, shared with other programs")
        cache.triggered.connect(lambda: self.chosen.emit(None))
        cache.setCheckable(True)
        cache.setChecked(self._folder is None)
        if self._folder is not None:
            known = menu.addAction(visible_in_place(str(self._folder)).replace("&", "&&"))
            known.setCheckable(True)
            known.setChecked(True)
        menu.addAction("Another folder…").triggered.connect(self._ask)
        menu.addSeparator()
        menu.addAction("Open the folder").triggered.connect(self._open)

    def _ask(self) -> None:
        dialog = QFileDialog(self.window(), "Download to")
        dialog.setObjectName("downloadPlaceDialog")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self.chosen.emit(Path(name)))
        dialog.open()

    def _open(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._folder or self._cache())))
