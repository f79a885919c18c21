"""Predicted against measured on the page Machine: the charts, the words, and a calibration with leave and cancel."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QPushButton, QStackedWidget
from pytestqt.qtbot import QtBot
from support.calibrating import MACHINE, ScriptedCalibration
from support.widgets import find, label

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.services.machine.calibration import CalibrationService
from desktop.services.planning.ledger import ComparedRun, Trust
from desktop.store.paths import Paths
from desktop.ui.machine.ledger_chart import LedgerChart
from desktop.ui.machine.trust_panel import TrustPanel, TrustSources
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme

GOOD, OFF = ComparedRun(50.0, 52.0, "Good Q4_K_M", "today"), ComparedRun(10.0, 6.0, "Off Q8_0", "yesterday")
EMPTY = Trust((), (), "", "")
SOME = Trust((GOOD, OFF), (), "Speed words.", "")


@pytest.fixture
def chart(qtbot: QtBot, theme: Theme) -> LedgerChart:
    made = LedgerChart(theme, "chart", "Speed", "{:.0f} tok/s".format, "{:g}".format)
    qtbot.addWidget(made)
    made.resize(320, 240)
    made.set_points(SOME.speed)
    made.show()
    return made


def open_panel(qtbot: QtBot, theme: Theme, tasks: Tasks, service: CalibrationService, trust: Trust) -> TrustPanel:
    panel = TrustPanel(theme, tasks, TrustSources(lambda: trust, service))
    qtbot.addWidget(panel)
    panel.resize(1100, 300)
    panel.show()
    panel.set_machine(MACHINE)
    qtbot.waitUntil(lambda: bool(label(panel, "machineTrustWords")))
    return panel


def press(qtbot: QtBot, panel: TrustPanel, name: str) -> None:
    found = panel.findChild(QPushButton, name)
    assert found is not None and found.accessibleName()
    qtbot.mouseClick(found, Qt.MouseButton.LeftButton)


def stack(panel: TrustPanel) -> int:
    return find(panel, QStackedWidget, "machineCalibrationStack").currentIndex()


def test_a_point_as_predicted_lies_on_the_diagonal(chart: LedgerChart) -> None:
    exact = ComparedRun(20.0, 20.0, "", "")
    chart.set_points((exact, OFF))
    area = chart.place(ComparedRun(6.0, 6.0, "", "")), chart.place(ComparedRun(10.0, 10.0, "", ""))
    slope = (area[1].y() - area[0].y()) / (area[1].x() - area[0].x())
    where = chart.place(exact)
    assert where.y() == pytest.approx(area[0].y() + slope * (where.x() - area[0].x()))
    assert chart.place(OFF).y() > chart.place(ComparedRun(10.0, 10.0, "", "")).y()  # measured less: below


def test_the_pointer_and_the_keys_tell_a_run(qtbot: QtBot, chart: LedgerChart) -> None:
    qtbot.mouseMove(chart, chart.place(OFF).toPoint())
    qtbot.waitUntil(lambda: chart.chosen == OFF)
    assert "predicted 10 tok/s, measured 6 tok/s (40% less than predicted)" in chart.describe(OFF)
    qtbot.keyClick(chart, Qt.Key.Key_Right)
    assert chart.chosen == GOOD and "Good Q4_K_M" in chart.accessibleDescription()


def test_a_point_off_the_band_has_another_shape(chart: LedgerChart, theme: Theme) -> None:
    def inside(point: ComparedRun) -> str:
        image = QImage(chart.size(), QImage.Format.Format_RGB32)
        chart.render(image)
        return image.pixelColor(chart.place(point).toPoint()).name()

    assert inside(GOOD) == theme.color("good").name()
    assert inside(OFF) == theme.color("surface").name()  # hollow


def test_nothing_measured_is_nothing_drawn(chart: LedgerChart) -> None:
    chart.set_points((ComparedRun(0.0, 5.0, "", ""), ComparedRun(5.0, 0.0, "", "")))
    assert chart.points == () and chart.accessibleDescription() == "No run yet."
    assert not chart.grab().isNull()


def test_both_schemes_paint(chart: LedgerChart, theme: Theme) -> None:
    light = chart.grab().toImage()
    theme.set_preference("dark")
    assert chart.grab().toImage() != light


def test_without_a_run_it_says_what_to_do(qtbot: QtBot, theme: Theme, tasks: Tasks, tmp_path: Path) -> None:
    panel = open_panel(qtbot, theme, tasks, CalibrationService(Paths(tmp_path, tmp_path)), EMPTY)
    assert "Load a model" in label(panel, "machineTrustWords")
    assert label(panel, "machineCalibrationState").startswith("Not calibrated")
    assert not any(chart.isVisible() for chart in panel.findChildren(LedgerChart))


def test_runs_are_shown_with_their_words(qtbot: QtBot, theme: Theme, tasks: Tasks, tmp_path: Path) -> None:
    panel = open_panel(qtbot, theme, tasks, CalibrationService(Paths(tmp_path, tmp_path)), SOME)
    assert label(panel, "machineTrustWords") == "Speed words."
    shown = [chart.objectName() for chart in panel.findChildren(LedgerChart) if chart.isVisible()]
    assert shown == ["machineSpeedChart"]


def test_nothing_is_calibrated_without_leave(qtbot: QtBot, theme: Theme, tasks: Tasks, tmp_path: Path) -> None:
    service = ScriptedCalibration(tmp_path)
    panel = open_panel(qtbot, theme, tasks, service, EMPTY)
    press(qtbot, panel, "machineCalibrate")
    assert stack(panel) == 1 and not service.begun.is_set()
    press(qtbot, panel, "machineCalibrateLater")
    assert stack(panel) == 0 and not service.begun.is_set()


def test_a_calibration_shows_how_far_it_is_and_what_it_found(
    qtbot: QtBot, theme: Theme, tasks: Tasks, tmp_path: Path
) -> None:
    service = ScriptedCalibration(tmp_path)
    panel = open_panel(qtbot, theme, tasks, service, EMPTY)
    press(qtbot, panel, "machineCalibrate")
    press(qtbot, panel, "machineCalibrateNow")
    qtbot.waitUntil(lambda: label(panel, "machineCalibrationNote") == "Measuring Q4_K")
    with qtbot.waitSignal(panel.calibrated):
        service.end.set()
    assert stack(panel) == 0
    assert "Calibrated on 2025-01-02 with 2 threads" in label(panel, "machineCalibrationState")


def test_a_calibration_can_be_cancelled(qtbot: QtBot, theme: Theme, tasks: Tasks, tmp_path: Path) -> None:
    service = ScriptedCalibration(tmp_path)
    panel = open_panel(qtbot, theme, tasks, service, EMPTY)
    press(qtbot, panel, "machineCalibrate")
    press(qtbot, panel, "machineCalibrateNow")
    qtbot.waitUntil(service.begun.is_set)
    press(qtbot, panel, "machineCalibrationCancel")
    assert stack(panel) == 0
    qtbot.waitUntil(service.heard_cancel.is_set)


def test_a_busy_machine_is_told(qtbot: QtBot, theme: Theme, tasks: Tasks, tmp_path: Path) -> None:
    service = ScriptedCalibration(tmp_path, HeftError("Other programs are busy.", kind=FailureKind.DISTURBED))
    panel = open_panel(qtbot, theme, tasks, service, EMPTY)
    press(qtbot, panel, "machineCalibrate")
    press(qtbot, panel, "machineCalibrateNow")
    with qtbot.waitSignal(panel.failed) as told:
        service.end.set()
    assert told.args is not None and told.args[0].kind == FailureKind.DISTURBED
    assert stack(panel) == 0
