"""A Heft from plain pip: the first load fails for want of the server; one press, and the model answers."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot
from support.building import FakePip, without_server
from support.hub_server import HubServer
from support.real_window import RealWindow

from desktop.engine.server.program import server_program
from desktop.store.paths import Paths

WAIT_MS = 60_000


@pytest.mark.engine
def test_one_press_builds_the_engine_and_loads_what_was_refused(
    paths: Paths,
    hub: HubServer,
    starter_model: Path,
    tmp_path: Path,
    qapp: QApplication,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pip = FakePip(tmp_path / "pip", monkeypatch)
    pip.give(server_program().resolve().parent)
    without_server(tmp_path, monkeypatch)
    opened = RealWindow(qtbot, qapp, paths, hub, monkeypatch)
    engine = opened.heft._container.engine

    def offered() -> QPushButton | None:
        buttons = opened.window.findChildren(QPushButton, "notificationAnswer0")
        return next((button for button in buttons if button.isVisible()), None)

    try:
        opened.heft.open(str(starter_model))
        qtbot.waitUntil(lambda: offered() is not None, timeout=WAIT_MS)
        button = offered()
        assert button is not None and button.text() == "Build the engine"
        assert engine.state.loaded is None
        button.click()
        qtbot.waitUntil(lambda: engine.state.phase == "ready", timeout=WAIT_MS)
        assert engine.state.loaded is not None and engine.state.loaded.path == str(starter_model)
        assert engine.state.pid is not None
        assert Path(psutil.Process(engine.state.pid).exe()).is_relative_to(paths.cache)
    finally:
        opened.close()
