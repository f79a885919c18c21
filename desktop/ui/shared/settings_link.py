"""The button beside an error that a setting can mend: it opens the page where that setting is."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QWidget

from desktop.core.errors import HeftError
from desktop.core.settings_pages import PAGES, SettingsPage
from desktop.core.words import tr


class SettingsLink(QPushButton):
    """Hidden as long as there is nothing to open."""

    asked = Signal(str)  # SettingsPage

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        """``name`` is its object name."""
        super().__init__(parent)
        self._page: SettingsPage | None = None
        self.setObjectName(name)
        self.clicked.connect(lambda: self.asked.emit(self._page))
        self.hide()

    def show_for(self, error: HeftError | None) -> None:
        """Offer the page that an error sends a person to; hide where there is none."""
        self.show_page(error.settings_page if error is not None else None)

    def show_page(self, page: SettingsPage | None) -> None:
        """Offer this page; hide for None."""
        self._page = page
        if page is not None:
            self.setText(page_words(page))
            self.setAccessibleName(page_words(page))
        self.setVisible(page is not None)


def page_words(page: SettingsPage) -> str:
    """What a button says that opens a page of the settings."""
    return tr("Open {pages}", pages=PAGES[page]) if page == "about" else tr("Open Settings: {pages}", pages=PAGES[page])
