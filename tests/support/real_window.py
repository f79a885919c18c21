"""The whole program's window in the test's own process, without a model: for what all pages together do."""

from __future__ import annotations

import pytest
from huggingface_hub import constants
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.app import Heft
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore
from desktop.ui.shell.window import MainWindow

from .hub_server import HubServer


class RealWindow:
    """Shown and active; the engine is not started, the Hub is a local one. :meth:`close` ends all of it."""

    def __init__(
        self,
        qtbot: QtBot,
        application: QApplication,
        paths: Paths,
        hub: HubServer,
        monkeypatch: pytest.MonkeyPatch,
        *,
        load_at_start: bool = False,
    ) -> None:
        monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
        SettingsStore(paths.settings).update(load_at_start=load_at_start)
        self.heft = Heft(application, paths, "")
        self.window: MainWindow = self.heft._window
        painted: list[bool] = []
        self.window.painted.connect(lambda: painted.append(True))
        self.heft.show()
        self.window.activateWindow()
        qtbot.waitUntil(lambda: bool(painted) and self.window.isActiveWindow())

    def close(self) -> None:
        self.heft.close_window()
        self.heft.shut_down()
        self.window.deleteLater()
