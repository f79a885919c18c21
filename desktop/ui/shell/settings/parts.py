"""The settings of one window: the options, what follows from them at once, and the dialog when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QObject

from desktop.core.settings_pages import SettingsPage
from desktop.store import options
from desktop.store.settings import Changed, SettingsData, SettingsStore
from desktop.ui.shell.settings.writer import OptionWriter
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme
from desktop.ui.shell.window import MainWindow

if TYPE_CHECKING:
    from desktop.core.hardware import Machine
    from desktop.services.endpoints.service import EndpointService
    from desktop.services.engine.backend_building import BackendBuildService
    from desktop.services.engine.backends import BackendService
    from desktop.services.hub_account import TokenService
    from desktop.services.tools.service import ToolService
    from desktop.services.worker.workers import WorkerService
    from desktop.store.paths import Paths
    from desktop.ui.shell.settings.dialog import SettingsDialog


@dataclass(frozen=True)
class SettingsServices:
    """What the pages ask; each is made, or asked, when its page is first looked at."""

    paths: Paths
    tokens: Callable[[], TokenService]
    machine: Callable[[], Machine]
    backends: Callable[[], BackendService]
    builds: Callable[[], BackendBuildService]
    downloads: Callable[[], Path]
    endpoints: Callable[[], EndpointService]
    workers: Callable[[], WorkerService]
    tools: Callable[[], ToolService]


class SettingsParts(QObject):
    """Keeps the options; the dialog is made at its first opening, so that a start pays nothing for it."""

    def __init__(
        self,
        settings: SettingsStore,
        known: SettingsData,
        services: SettingsServices,
        tasks: Tasks,
        theme: Theme,
        window: MainWindow,
    ) -> None:
        """``known`` are the settings as they were read at the start; the dialog belongs to ``window``."""
        super().__init__(window)
        self._services, self._tasks, self._theme, self._window = services, tasks, theme, window
        self._dialog: SettingsDialog | None = None
        self.options = OptionWriter(settings, known, tasks, self)
        self.options.changed.connect(self._follow)
        self.options.changed.connect(window.option_changed)
        self.options.failed.connect(window.notifications.show_message)
        window.settings_asked.connect(self.open)

    def open(self, page: str = "general", key: str = "") -> None:
        """Show a page of the settings, and with ``key`` the option there."""
        if self._dialog is None:
            from desktop.ui.shell.settings.dialog import SettingsDialog

            window = self._window
            made = self._dialog = SettingsDialog(self.options, self._services, self._tasks, self._theme, window)
            made.notify.connect(window.notifications.show_message)
            made.token_changed.connect(window.token_changed)
            made.shortcuts_asked.connect(window.show_shortcuts)
            made.logs_asked.connect(window.logs_asked)
            made.about_asked.connect(window.about_asked)
            made.report_asked.connect(window.report_asked)
        self._dialog.open_page(cast(SettingsPage, page), key)

    def close(self) -> None:
        """Write what still waits."""
        self.options.close()

    def _follow(self, change: Changed) -> None:
        if change.option is options.THEME:
            self._theme.set_preference(change.new)
