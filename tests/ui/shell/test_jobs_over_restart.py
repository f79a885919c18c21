"""A check that the window began: paused and resumed in the list of jobs, and back after the window was closed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QTabBar
from pytestqt.qtbot import QtBot
from support.hub_server import HubServer
from support.real_window import RealWindow
from support.widgets import find

from desktop.core.cancelled import Cancelled, CancelledError
from desktop.core.findings import Finding
from desktop.core.progress import Progress, Report
from desktop.services.inspect import weights
from desktop.services.inspect.inspected import Inspected
from desktop.store.paths import Paths
from desktop.ui.shell.jobs_panel import JobsPanel

FOUND = (Finding("warning", "It is only a test.", "It was made up.", ""),)


class HeldCheck:
    """In the place of reading the file: halfway, until it may end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.may_end = threading.Event()
        monkeypatch.setattr(weights, "check_files", self._check)

    def _check(
        self, inspected: Inspected, base: Inspected | None, reading: object, progress: Report, cancelled: Cancelled
    ) -> list[Finding]:
        progress(Progress(5e9, 10e9, "bytes", "checksum"))
        while not self.may_end.wait(0.01):
            if cancelled():
                raise CancelledError
        return list(FOUND)


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Iterator[HeldCheck]:
    made = HeldCheck(monkeypatch)
    yield made
    made.may_end.set()


class Started:
    """The program's window, and what is read and pressed in it."""

    def __init__(self, qtbot: QtBot, window: RealWindow) -> None:
        self._qtbot, self.made = qtbot, window

    def begin_check(self, path: Path) -> None:
        self.made.heft.inspect(str(path))
        page = self.made.window.page("inspect")
        assert page is not None
        self._qtbot.waitUntil(lambda: find(page, QTabBar, "inspectTabBar").isVisible())
        tabs = find(page, QTabBar, "inspectTabBar")
        tabs.setCurrentIndex(next(i for i in range(tabs.count()) if tabs.tabText(i).startswith("Problems")))
        self._qtbot.mouseClick(find(page, QPushButton, "inspectProblemsCheck"), Qt.MouseButton.LeftButton)
        self._qtbot.waitUntil(lambda: self.note == "checksum")

    @property
    def note(self) -> str:
        page = self.made.window.page("inspect")
        assert page is not None
        return find(page, QLabel, "inspectProblemsNote").text()

    def words(self) -> list[str]:
        """What the list of jobs says."""
        panel = self.made.window.findChild(JobsPanel, "jobsPanel")
        if panel is None or not panel.isVisible():
            self.made.window.toggle_jobs()
            panel = self.made.window.findChild(JobsPanel, "jobsPanel")
        assert panel is not None
        return [label.text() for label in panel.findChildren(QLabel) if label.isVisible()]

    def press(self, word: str) -> None:
        panel = self.made.window.findChild(JobsPanel, "jobsPanel")
        assert panel is not None
        button = next(b for b in panel.findChildren(QPushButton) if b.isVisible() and b.text() == word)
        self._qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def until_said(self, *wanted: str) -> None:
        self._qtbot.waitUntil(lambda: all(any(word in said for said in self.words()) for word in wanted))


def test_a_check_is_paused_resumed_and_survives_a_quit(
    qtbot: QtBot,
    qapp: QApplication,
    paths: Paths,
    hub: HubServer,
    monkeypatch: pytest.MonkeyPatch,
    check: HeldCheck,
    starter_model: Path,
) -> None:
    first = Started(qtbot, RealWindow(qtbot, qapp, paths, hub, monkeypatch))
    first.begin_check(starter_model)
    first.until_said("Check of ", "5.0 GB of 10.0 GB")
    first.press("Pause")
    first.until_said("paused · 5.0 GB of 10.0 GB")
    qtbot.waitUntil(lambda: first.note == "paused")
    first.press("Resume")
    first.until_said("5.0 GB of 10.0 GB")
    first.made.close()

    second = Started(qtbot, RealWindow(qtbot, qapp, paths, hub, monkeypatch))
    second.until_said("Check of ", "checksum")
    check.may_end.set()
    second.until_said("1 warning: It is only a test.")
    second.made.close()

    third = Started(qtbot, RealWindow(qtbot, qapp, paths, hub, monkeypatch))
    assert not any("Check of " in said for said in third.words())
    third.made.close()
