"""The panel of all long work: what it says, what its buttons ask for, where it lies, and how it is left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot
from support.widgets import shown

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.progress import Progress
from desktop.core.units import human_time
from desktop.services.job_kinds import Job
from desktop.services.job_words import job_words, jobs_words
from desktop.ui.shell.jobs_panel import JobsPanel
from desktop.ui.shell.page import Page
from desktop.ui.shell.statusbar import StatusBar
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme
from desktop.ui.shell.window import MainWindow, PageEntry

DOWN = Job(
    "d1", "download", "Qwen/Qwen3-8B-GGUF Q4_K_M", "running",
    Progress(1.2e9, 4.9e9, "bytes", speed=34e6, seconds_left=109.0), resumable=True,
)  # fmt: skip
QUEUED = replace(DOWN, id="d2", phase="queued", progress=Progress(0, 2e9, "bytes"))
PAUSED = replace(DOWN, id="d3", phase="paused", progress=Progress(1e9, 2e9, "bytes"))
FAILED = replace(DOWN, id="d4", phase="failed", error=HeftError("The disk is full.", "Free 3 GB there, then resume."))
DONE = replace(DOWN, id="d5", phase="done", progress=Progress(2e9, 2e9, "bytes"), result=Path("/m/m.gguf"))
CHECK = Job("c1", "check", "Check of m.gguf", "running", Progress.of(0.45, "checksum"))
CHANGED = replace(DOWN, id="d6", phase="failed", error=HeftError("It changes.", "", kind=FailureKind.FILE_CHANGED))
DAMAGED = replace(FAILED, id="d7", progress=Progress(0, 4.9e9, "bytes"))
BROKEN = Job("c2", "check", "Check of n.gguf", "failed", error=HeftError("It cannot be read.", "Look at it."))


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (DOWN, "1.2 GB of 4.9 GB · 34.0 MB/s · 2 min left"),
        (QUEUED, "waiting for its turn · 0 B of 2.0 GB"),
        (PAUSED, "paused · 1.0 GB of 2.0 GB"),
        (FAILED, "The disk is full. Free 3 GB there, then resume."),
        (DONE, "verified · 2.0 GB"),
        (CHECK, "45% · checksum"),
        (replace(CHECK, phase="done"), "done"),
        (replace(CHECK, phase="done", outcome="1 error: It is damaged."), "1 error: It is damaged."),
        (replace(CHECK, phase="paused"), "paused · 45%"),
        (replace(CHECK, progress=Progress()), "working"),
    ],
)
def test_a_job_in_words(job: Job, words: str) -> None:
    assert job_words(job) == words


@pytest.mark.parametrize(
    ("jobs", "words"),
    [
        ((), ""),
        ((DOWN,), "↓ 1 download · 34.0 MB/s"),
        ((DOWN, QUEUED, CHECK), "↓ 2 downloads · 34.0 MB/s · 1 job"),
        ((CHECK,), "1 job · 45%"),
        ((PAUSED, FAILED, BROKEN), "2 failed · 1 paused"),
        ((DONE,), ""),
    ],
)
def test_all_of_them_in_words(jobs: tuple[Job, ...], words: str) -> None:
    assert jobs_words(jobs) == words


def test_a_time_left_in_words() -> None:
    found = [human_time(seconds) for seconds in (0.2, 40, 100, 720, 7500)]
    assert found == ["1 s", "40 s", "2 min", "12 min", "2 h 5 min"]


class TextPage(Page):
    def __init__(self) -> None:
        super().__init__()
        self.field = QLineEdit()
        QVBoxLayout(self).addWidget(self.field)
        self.setFocusProxy(self.field)


@pytest.fixture
def window(qtbot: QtBot, theme: Theme, tasks: Tasks) -> MainWindow:
    made = MainWindow(theme, [PageEntry("text", "Text", "chat", TextPage)], StatusBar(tasks, lambda pid: None))  # type: ignore[arg-type,return-value]
    made.go_to("text")
    shown(qtbot, made, 1280, 800).activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    return made


def panel(window: MainWindow) -> JobsPanel:
    found = window.findChild(JobsPanel, "jobsPanel")
    assert isinstance(found, JobsPanel)
    return found


def button(inside: QWidget, name: str) -> QPushButton:
    found = inside.findChild(QPushButton, name)
    assert isinstance(found, QPushButton)
    return found


def words(inside: QWidget) -> list[str]:
    found = inside.findChildren(QLabel) + inside.findChildren(QPushButton)
    return [widget.text() for widget in found if widget.isVisible() and widget.text()]


def test_the_status_bar_says_it_and_opens_the_panel(qtbot: QtBot, window: MainWindow) -> None:
    status = button(window, "statusJobs")
    assert status.text() == "Jobs"
    window.show_jobs([DOWN, QUEUED])
    assert status.text() == "↓ 2 downloads · 34.0 MB/s"
    qtbot.mouseClick(status, Qt.MouseButton.LeftButton)
    assert panel(window).isVisible()
    assert "1.2 GB of 4.9 GB · 34.0 MB/s · 2 min left" in words(panel(window))
    window.show_jobs([replace(DOWN, progress=Progress(2.4e9, 4.9e9, "bytes", speed=30e6))])
    assert "2.4 GB of 4.9 GB · 30.0 MB/s" in words(panel(window)) and status.text() == "↓ 1 download · 30.0 MB/s"
    qtbot.mouseClick(status, Qt.MouseButton.LeftButton)
    assert not panel(window).isVisible()


@pytest.mark.parametrize(
    ("job", "offered"),
    [
        (FAILED, ["Resume", "Cancel"]),
        (CHANGED, ["Download again", "Cancel"]),
        (DAMAGED, ["Download again", "Cancel"]),
        (replace(BROKEN, resumable=True), ["Try again", "Cancel"]),
        (BROKEN, ["Clear"]),
    ],
)
def test_a_failed_job_goes_on_or_begins_anew_by_one_button(
    qtbot: QtBot, window: MainWindow, job: Job, offered: list[str]
) -> None:
    window.show_jobs([job])
    window.toggle_jobs()
    inside = [b for b in panel(window).findChildren(QPushButton) if b.isVisible() and b.objectName().endswith(job.id)]
    assert [b.text() for b in inside] == offered
    asked: list[tuple[str, str]] = []
    window.job_asked.connect(lambda action, job_id: asked.append((action, job_id)))
    qtbot.mouseClick(inside[0], Qt.MouseButton.LeftButton)
    assert asked == [("clear" if offered == ["Clear"] else "resume", job.id)]


@pytest.mark.parametrize(
    ("job", "buttons"),
    [
        (DOWN, ["pause", "cancel"]),
        (QUEUED, ["pause", "cancel"]),
        (PAUSED, ["resume", "cancel"]),
        (FAILED, ["resume", "cancel"]),
        (DONE, ["chat", "clear", "show", "remove"]),
        (CHECK, ["cancel"]),
        (replace(CHECK, resumable=True), ["pause", "cancel"]),
        (replace(CHECK, resumable=True, phase="paused"), ["resume", "cancel"]),
        (BROKEN, ["clear"]),
    ],
)
def test_every_button_asks_for_what_it_says(qtbot: QtBot, window: MainWindow, job: Job, buttons: list[str]) -> None:
    window.show_jobs([job])
    window.toggle_jobs()
    inside = panel(window).findChildren(QPushButton)
    assert [b.objectName() for b in inside if b.isVisible() and b.objectName().endswith(job.id)] == [
        f"{word}_{job.id}" for word in buttons
    ]
    for word in buttons:
        if word == "show":  # nobody has to be asked for that: see below
            continue
        with qtbot.waitSignal(window.job_asked) as asked:
            qtbot.mouseClick(button(panel(window), f"{word}_{job.id}"), Qt.MouseButton.LeftButton)
        assert asked.args == [word, job.id]


def test_what_has_come_is_shown_in_its_folder(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    window.show_jobs([DONE])
    window.toggle_jobs()
    qtbot.mouseClick(button(panel(window), f"show_{DONE.id}"), Qt.MouseButton.LeftButton)
    assert opened == ["/m"]


def test_without_jobs_it_says_what_it_is_for(window: MainWindow) -> None:
    window.toggle_jobs()
    assert any("Downloads" in text for text in words(panel(window)))
    window.show_jobs([DOWN])
    assert not any("Nothing to do" in text for text in words(panel(window)))
    window.show_jobs([])
    assert any("Nothing to do" in text for text in words(panel(window)))


def test_what_is_done_is_cleared_at_once(qtbot: QtBot, window: MainWindow) -> None:
    window.show_jobs([DOWN, DONE, replace(DONE, id="d6")])
    window.toggle_jobs()
    asked: list[tuple[str, str]] = []
    window.job_asked.connect(lambda word, job: asked.append((word, job)))
    qtbot.mouseClick(button(panel(window), "jobsClear"), Qt.MouseButton.LeftButton)
    assert asked == [("clear", "d5"), ("clear", "d6")]


def test_by_keyboard_and_back_to_where_it_was(qtbot: QtBot, window: MainWindow) -> None:
    field = window.findChild(QLineEdit)
    field.setFocus()
    window.show_jobs([DOWN])
    qtbot.keyClick(window, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
    assert panel(window).isVisible() and panel(window).isAncestorOf(window.focusWidget())
    qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Escape)
    assert not panel(window).isVisible() and window.focusWidget() is field


def test_a_job_that_ends_takes_nobody_s_focus(window: MainWindow) -> None:
    field = window.findChild(QLineEdit)
    window.show_jobs([DOWN, CHECK])
    window.toggle_jobs()
    field.setFocus()
    for jobs in ([replace(DOWN, phase="done")], [], [FAILED]):
        window.show_jobs(jobs)
        assert window.focusWidget() is field


@pytest.mark.parametrize("size", [(1280, 800), (820, 520)])
def test_it_stays_inside_the_window_and_many_jobs_scroll(window: MainWindow, size: tuple[int, int]) -> None:
    window.resize(*size)
    window.show_jobs([replace(DOWN, id=str(number), name="A very long name " * 12) for number in range(30)])
    window.toggle_jobs()
    shown_panel = panel(window)
    assert window.rect().contains(shown_panel.geometry())
    assert shown_panel.geometry().bottom() < window.status.geometry().top()
    window.resize(900, 560)
    assert window.rect().contains(shown_panel.geometry())
    row = shown_panel.findChild(QWidget, "job_0")
    assert row.width() <= shown_panel.width()
    for name in ("pause_0", "cancel_0"):
        place = button(shown_panel, name)
        assert place.width() >= place.fontMetrics().horizontalAdvance(place.text())
