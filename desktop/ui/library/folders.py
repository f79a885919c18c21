"""The button Folders of the library: the places it looks into, each of which opens, and those that can be forgotten."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from desktop.core.words import tr
from desktop.services.models.library import LibraryService
from desktop.ui.library.actions import ADD_FOLDER
from desktop.ui.library.columns import SOURCE_NAMES
from desktop.ui.shared.signals import calling
from desktop.ui.shell.action_registry import ActionRegistry


class FoldersButton(QToolButton):
    """A menu that is made anew each time it opens."""

    def __init__(
        self,
        commands: ActionRegistry,
        service: LibraryService,
        forget: Callable[[Path], None],
        parent: QWidget | None = None,
    ) -> None:
        """``forget`` stops looking into a folder that the user added."""
        super().__init__(parent)
        self._commands, self._service, self._forget = commands, service, forget
        self.setText(tr("Folders ▾"))
        self.setObjectName("libraryFolders")
        self.setAccessibleName(tr("Folders to look in"))
        self.setToolTip(tr("The places that are looked into; add a folder that holds models, or forget one"))
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self)
        self._menu.setObjectName("libraryFoldersMenu")
        self._menu.aboutToShow.connect(self._fill)
        self.setMenu(self._menu)

    def _fill(self) -> None:
        self._menu.clear()
        self._commands.add_to(self._menu, ADD_FOLDER)
        self._menu.addSection(tr("Looked into"))
        for place in self._service.places():
            root = place.root if place.root.is_dir() else place.root.parent
            words = f"{SOURCE_NAMES[place.source]}:  {place.root}".replace("&", "&&")
            self._menu.addAction(words, calling(_open, root)).setToolTip(tr("Open this folder"))
        folders = self._service.folders()
        if folders:
            self._menu.addSeparator()
        for folder in folders:
            self._menu.addAction(
                tr("Forget {replace}", replace=str(folder).replace("&", "&&")), calling(self._forget, folder)
            )


def _open(folder: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
