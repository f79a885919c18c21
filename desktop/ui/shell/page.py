"""The base of all pages."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QWidget

from desktop.store.settings import Changed
from desktop.ui.shell.action import Declared
from desktop.ui.shell.action_registry import ActionRegistry


class Page(QWidget):
    """One page of the window. It owns its widgets; what it has to tell goes out through ``notify``."""

    notify = Signal(object)  # HeftError or str, shown in the notification area
    settings_asked = Signal(str)  # SettingsPage that is to be opened

    def __init__(self, parent: QWidget | None = None, declared: Declared = ()) -> None:
        """``declared`` are the page's actions, those of its wing's ``actions.py``; the page connects each of them."""
        super().__init__(parent)
        self.commands = ActionRegistry(declared, self)
        self.commands.refused.connect(self.notify)

    def foot(self) -> int:
        """Pixels at its lower edge that messages may not cover."""
        return 0

    def shown(self) -> None:
        """Called each time the page becomes visible; a page that shows live figures refreshes here."""

    def option_changed(self, change: Changed) -> None:
        """An option has another value; a page that shows what follows from it looks again."""

    def token_changed(self) -> None:
        """The Hub knows another person from now on, or none; a page that was refused tries again."""

    def showEvent(self, event: QShowEvent) -> None:
        """Tell the page that it is visible (but not for a window that was only minimised)."""
        super().showEvent(event)
        if not event.spontaneous():
            self.shown()
