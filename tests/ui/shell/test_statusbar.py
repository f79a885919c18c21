"""The status bar tells what the engine holds in every phase, and reads memory off the GUI thread."""

from __future__ import annotations

import os
import threading
from dataclasses import replace

import pytest
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QWidget
from pytestqt.qtbot import QtBot
from support.cut import faults
from support.plans import plain_plan
from support.widgets import find, shown

from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.core.progress import Progress
from desktop.engine.api import EngineDied, Loaded, Memory
from desktop.services.engine.memory import EngineMemory
from desktop.services.engine.supervisor import EngineState
from desktop.services.job_kinds import Job
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shell.statusbar import StatusBar
from desktop.ui.shell.tasks import Lane, Tasks
from desktop.ui.shell.theme import Theme

LOADED = Loaded(
    request_id=1,
    path="/models/a.gguf",
    description="llama 135M Q4_1",
    context_length=4096,
    trained_context_length=8192,
    layers=30,
    gpu_layers=0,
    threads=2,
    template="model",
    memory=Memory(98_000_000, 94_000_000, 0, 30_000_000, 200_000, 260_000_000),
    seconds=0.4,
)
LOADING = EngineState("loading", plain_plan("/models/a.gguf", name="SmolLM2-135M-Instruct Q4_1"), 0.43, pid=os.getpid())
READY = replace(LOADING, phase="ready", progress=1.0, loaded=LOADED)


class Readings:
    """Hands out one reading and notes who asked."""

    def __init__(self) -> None:
        self.now = EngineMemory(260_000_000, 25_300_000_000)
        self.asked: list[tuple[int, threading.Thread]] = []

    def __call__(self, pid: int) -> EngineMemory:
        self.asked.append((pid, threading.current_thread()))
        return self.now


@pytest.fixture
def readings() -> Readings:
    return Readings()


@pytest.fixture
def bar(qtbot: QtBot, theme: Theme, tasks: Tasks, readings: Readings) -> StatusBar:
    return shown(qtbot, StatusBar(tasks, readings), 1200, 30)


def words(bar: StatusBar) -> str:
    """All that can be read in the bar, left to right."""
    labels = [label for label in bar.findChildren(QLabel) if label.isVisible() and label.text()]
    labels.sort(key=lambda label: label.mapTo(bar, label.rect().topLeft()).x())
    return " ".join(label.text() for label in labels)


def test_nothing_loaded(bar: StatusBar) -> None:
    assert words(bar) == "Engine no model loaded"


def test_loading_shows_model_and_progress(qtbot: QtBot, bar: StatusBar) -> None:
    bar.show_state(LOADING)
    bar.layout().activate()
    assert words(bar).startswith("Engine SmolLM2-135M-Instruct Q4_1 loading 43%")
    progress = bar.findChild(QProgressBar, "statusLoading")
    assert progress.isVisible()
    assert progress.value() == 43


def test_memory_is_read_off_the_gui_thread_and_shown(qtbot: QtBot, bar: StatusBar, readings: Readings) -> None:
    bar.show_state(READY)
    qtbot.waitUntil(lambda: "RAM" in words(bar))
    bar.layout().activate()
    assert "RAM 0.3 / 25.3 GB" in words(bar)
    assert "VRAM" not in words(bar)
    assert readings.asked[0][0] == os.getpid()
    assert readings.asked[0][1] is not threading.main_thread()


def test_vram_is_shown_when_there_is_some(qtbot: QtBot, bar: StatusBar, readings: Readings) -> None:
    readings.now = EngineMemory(260_000_000, 25_300_000_000, 5_100_000_000, 8_000_000_000)
    bar.show_state(READY)
    qtbot.waitUntil(lambda: "VRAM" in words(bar))
    bar.layout().activate()
    assert "VRAM 5.1 / 8.0 GB" in words(bar)


@pytest.mark.parametrize("answer_first", [True, False])
def test_rate_is_live_while_answering_and_the_whole_answers_after(bar: StatusBar, answer_first: bool) -> None:
    bar.show_state(READY)
    assert "tok/s" not in words(bar)
    bar.show_state(replace(READY, phase="generating", tokens_per_second=61.44))
    assert words(bar).endswith("61.4 tok/s")
    if answer_first:  # the two services are heard independently
        bar.show_answer(58.26)
        bar.show_state(READY)
    else:
        bar.show_state(READY)
        bar.show_answer(58.26)
    assert words(bar).endswith("58.3 tok/s in the last answer")
    bar.show_state(replace(READY, phase="generating"))
    bar.show_state(READY)
    assert "tok/s" not in words(bar)
    bar.show_answer(58.26)
    bar.show_state(EngineState("stopped"))
    assert "tok/s" not in words(bar)


def test_memory_is_not_read_for_every_batch_of_text(qtbot: QtBot, bar: StatusBar, readings: Readings) -> None:
    bar.show_state(READY)
    qtbot.waitUntil(lambda: "RAM" in words(bar))
    for rate in range(1, 100):
        bar.show_state(replace(READY, phase="generating", tokens_per_second=float(rate)))
    assert len(readings.asked) <= 3


def test_death_and_refusal_are_said_in_words_with_the_reason_one_hover_away(bar: StatusBar) -> None:
    died = EngineDied(FailureKind.KILLED, "The engine was ended.", "Load the model again.", "last lines", -9)
    bar.show_state(EngineState("died", plain_plan("/models/a.gguf", name="A"), died=died))
    assert "stopped working" in words(bar)
    phase = bar.findChild(QLabel, "statusPhase")
    assert "The engine was ended." in phase.toolTip()
    assert phase.property("role") == "bad"
    failure = EngineError("The file is damaged.", "Download it again.")
    bar.show_state(EngineState("stopped", plain_plan("/models/a.gguf", name="A"), failure=failure))
    assert "could not load the model" in words(bar)
    assert "The file is damaged." in phase.toolTip()


def test_a_load_that_failed_is_not_in_red_for_ever(
    qtbot: QtBot, bar: StatusBar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desktop.ui.shell.statusbar.FAILED_MS", 1)
    phase = bar.findChild(QLabel, "statusPhase")
    plan = plain_plan("/models/a.gguf", name="A")
    bar.show_state(EngineState("stopped", plan, failure=EngineError("The file is damaged.", "Download it again.")))
    qtbot.waitUntil(lambda: phase.text() == "no model loaded")
    assert phase.property("role") == "muted" and "The file is damaged." in phase.toolTip()
    monkeypatch.setattr("desktop.ui.shell.statusbar.FAILED_MS", 60_000)
    bar.show_state(EngineState("stopped", plan, failure=EngineError("Another.", "")))
    assert phase.text() == "could not load the model" and phase.property("role") == "bad"


def test_placement_is_one_hover_away(bar: StatusBar) -> None:
    bar.show_state(READY)
    tip = bar.findChild(QLabel, "statusPhase").toolTip()
    assert "all on CPU" in tip
    assert "context 4,096 tokens" in tip


def test_process_that_ended_between_two_looks_has_no_memory(qtbot: QtBot, theme: Theme, tasks: Tasks) -> None:
    def gone(pid: int) -> EngineMemory:
        raise ProcessLookupError(pid)

    bar = StatusBar(tasks, gone)
    qtbot.addWidget(bar)
    bar.show()
    bar.show_state(READY)
    fence: list[int] = []
    tasks.run(lambda context: 1, done=fence.append, lane=Lane.JOB)
    qtbot.waitUntil(lambda: bool(fence))
    assert "RAM" not in words(bar)


def test_long_name_is_cut_with_the_whole_as_tooltip(qtbot: QtBot, theme: Theme) -> None:
    box = QWidget()
    qtbot.addWidget(box)
    label = ElidedLabel("a-very-long-model-name-that-does-not-fit-Q4_K_M", box)
    label.resize(120, 20)
    box.show()
    assert "…" in label.text()
    assert label.toolTip() == f"<qt>{label.whole_text}</qt>"
    assert label.whole_text == label.accessibleName()
    label.resize(900, 20)
    assert label.text() == label.whole_text
    assert label.toolTip() == ""


@pytest.mark.parametrize("width", [1280, 820, 640])
def test_each_figure_is_whole_in_a_narrow_window(
    qtbot: QtBot, theme: Theme, tasks: Tasks, readings: Readings, width: int
) -> None:
    readings.now = EngineMemory(60_000_000_000, 128_000_000_000, 23_100_000_000, 24_000_000_000)
    bar = shown(qtbot, StatusBar(tasks, readings), width, 30)
    plan = plain_plan("/models/a.gguf", name="a-model-of-a-very-long-name-" * 4)
    bar.show_state(replace(READY, plan=plan))
    bar.show_answer(1234.5)
    download = Job("1", "download", "a", "running", Progress(1, 10, "bytes", speed=34.5e6))
    bar.show_jobs([download, replace(download, id="2"), replace(download, id="3", kind="check")])
    qtbot.waitUntil(lambda: "VRAM" in words(bar))
    qtbot.waitUntil(lambda: faults(bar) == [])
    for figure in ("60.0", "/ 128.0 GB", "23.1", "/ 24.0 GB", "1234.5", "tok/s"):
        assert figure in words(bar)
    jobs = find(bar, QPushButton, "statusJobs")
    assert "69.0 MB/s" in f"{jobs.text()} {jobs.toolTip()}"
    assert jobs.text().startswith("↓ 2 downloads")
    if width == 1280:
        assert "tok/s in the last answer" in words(bar)


def test_what_is_served_is_said_and_gives_way_to_figures(
    qtbot: QtBot, tasks: Tasks, readings: Readings, theme: Theme
) -> None:
    bar = shown(qtbot, StatusBar(tasks, readings), 1280, 30)
    button = find(bar, QPushButton, "statusServing")
    assert not button.isVisible()
    bar.show_serving("Serving · 12 clients")
    assert button.isVisible() and button.text() == "Serving · 12 clients"
    with qtbot.waitSignal(bar.serve_asked):
        button.click()
    bar.show_state(READY)
    qtbot.waitUntil(lambda: find(bar, QWidget, "gaugeRAM").isVisible())
    bar.show_answer(1234.5)
    bar.resize(644, 30)
    qtbot.waitUntil(lambda: faults(bar) == [])
    assert button.text() == "Serving" and "12 clients" in button.toolTip()
    bar.show_serving("")
    assert not button.isVisible()
