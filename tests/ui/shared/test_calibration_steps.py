"""Where the keyboard is while a calibration begins, runs and ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot
from support.calibrating import MACHINE, ScriptedCalibration
from support.widgets import click, find, shown

from desktop.ui.shared.calibration_steps import CalibrationSteps
from desktop.ui.shell.tasks import Tasks


class Bench(QWidget):
    """A field to type in above the steps."""

    def __init__(self, tasks: Tasks, service: ScriptedCalibration) -> None:
        super().__init__()
        self.field = QLineEdit()
        self.steps = CalibrationSteps(tasks, service, "test")
        self.steps.set_machine(MACHINE)
        column = QVBoxLayout(self)
        column.addWidget(self.field)
        column.addWidget(self.steps)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ScriptedCalibration]:
    made = ScriptedCalibration(tmp_path)
    yield made
    made.end.set()


@pytest.fixture
def bench(qtbot: QtBot, tasks: Tasks, service: ScriptedCalibration) -> Iterator[Bench]:
    made = Bench(tasks, service)
    shown(qtbot, made, 500, 300).activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    yield made


def press(qtbot: QtBot, bench: Bench, name: str) -> None:
    find(bench, QPushButton, name).setFocus()
    qtbot.keyClick(find(bench, QPushButton, name), Qt.Key.Key_Space)


def test_an_end_does_not_take_the_keyboard_from_where_somebody_types(
    qtbot: QtBot, bench: Bench, service: ScriptedCalibration
) -> None:
    click(qtbot, bench, "testCalibrate")
    click(qtbot, bench, "testCalibrateNow")
    qtbot.waitUntil(service.begun.is_set)
    bench.field.setFocus()
    qtbot.keyClicks(bench.field, "half a ")
    with qtbot.waitSignal(bench.steps.calibrated):
        service.end.set()
    qtbot.keyClicks(bench.field.window().focusWidget(), "sentence")
    assert bench.field.text() == "half a sentence"


def test_the_keyboard_stays_among_the_steps_for_one_who_uses_them_by_keyboard(
    qtbot: QtBot, bench: Bench, service: ScriptedCalibration
) -> None:
    press(qtbot, bench, "testCalibrate")
    assert find(bench, QPushButton, "testCalibrateNow").hasFocus()
    press(qtbot, bench, "testCalibrateNow")
    assert find(bench, QPushButton, "testCalibrationCancel").hasFocus()
    with qtbot.waitSignal(bench.steps.calibrated):
        service.end.set()
    assert find(bench, QPushButton, "testCalibrate").hasFocus()
