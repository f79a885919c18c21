"""The settings of a window as a test uses them."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtWidgets import QWidget

from desktop.core.hardware import Machine
from desktop.hub.token import HubToken
from desktop.services.engine.backend_building import BackendBuildService
from desktop.store.settings import SettingsStore
from desktop.ui.shell.settings.dialog import SettingsDialog
from desktop.ui.shell.settings.parts import SettingsParts
from desktop.ui.shell.window import MainWindow


@dataclass
class Made:
    """A shown window, its settings, and what they rest on."""

    window: MainWindow
    parts: SettingsParts
    store: SettingsStore
    token: HubToken
    machine: list[Machine]
    builds: BackendBuildService

    @property
    def dialog(self) -> SettingsDialog:
        found = self.window.findChild(SettingsDialog)
        assert isinstance(found, SettingsDialog)
        return found

    def open(self, page: str) -> QWidget:
        """The widget of a page, in view."""
        self.window.settings_asked.emit(page)
        found = self.dialog.findChild(QWidget, f"settingsPage_{page}")
        assert isinstance(found, QWidget)
        return found
