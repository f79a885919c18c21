"""Discover's offer to measure this computer: only what is missing, only with leave, and not again after a no."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from desktop.core.hardware import Cpu, Machine, Memory
from desktop.core.speed import Calibration, DeviceSpeed
from desktop.services.calibration import CalibrationService
from desktop.store.paths import Paths
from desktop.ui.tasks import Tasks
from desktop.ui.theme import Theme
from desktop.ui.widgets.speed_offer import SpeedOffer

MACHINE = Machine(Cpu("Test CPU"), Memory(8_000_000_000))


class QuickCalibration(CalibrationService):
    """Measures nothing and keeps that it did."""

    def __init__(self, paths: Paths) -> None:
        super().__init__(paths)
        self.measured: tuple[str, ...] = ()

    def calibrate(  # type: ignore[override]
        self,
        machine: Machine,
        types: Sequence[str],
        *,
        progress: Callable[[float, str], None],
        cancelled: Callable[[], bool],
    ) -> Calibration:
        self.measured = tuple(types)
        return Calibration("key", "2025-01-02T00:00:00", 2, {"cpu": DeviceSpeed("calibrated", {}, {})})

    def missing(self, machine: Machine, types: Sequence[str]) -> tuple[str, ...]:
        return tuple(kind for kind in types if kind not in self.measured)


@pytest.fixture
def service(tmp_path: Path) -> QuickCalibration:
    return QuickCalibration(Paths(tmp_path, tmp_path))


@pytest.fixture
def offer(qtbot: QtBot, theme: Theme, tasks: Tasks, service: QuickCalibration) -> Iterator[SpeedOffer]:
    made = SpeedOffer(tasks, service)
    qtbot.addWidget(made)
    made.resize(800, 60)
    yield made


def press(qtbot: QtBot, offer: SpeedOffer, name: str) -> None:
    found = offer.findChild(QPushButton, name)
    assert found is not None
    qtbot.mouseClick(found, Qt.MouseButton.LeftButton)


def test_what_is_missing_is_measured_with_leave(qtbot: QtBot, offer: SpeedOffer, service: QuickCalibration) -> None:
    offer.look(MACHINE, lambda: ("Q4_K", "Q8_0"))
    qtbot.waitUntil(offer.isVisible)
    words = offer.findChild(QLabel, "speedOfferWords")
    assert words is not None and "Q4_K, Q8_0" in words.text()
    press(qtbot, offer, "discoverCalibrate")
    assert service.measured == ()
    with qtbot.waitSignal(offer.measured):
        press(qtbot, offer, "discoverCalibrateNow")
    assert service.measured == ("Q4_K", "Q8_0") and not offer.isVisible()
    offer.look(MACHINE, lambda: ("Q8_0", "F16"))
    qtbot.waitUntil(offer.isVisible)
    assert "F16" in words.text() and "Q8_0" not in words.text()


def test_another_machine_cannot_be_measured(qtbot: QtBot, offer: SpeedOffer) -> None:
    offer.look(MACHINE, lambda: ("Q4_K",))
    qtbot.waitUntil(offer.isVisible)
    offer.look(None, lambda: ("Q4_K",))
    assert not offer.isVisible()


def test_a_no_is_a_no(qtbot: QtBot, offer: SpeedOffer) -> None:
    asked: list[str] = []

    def types() -> Sequence[str]:
        asked.append("asked")
        return ("Q4_K",)

    offer.look(MACHINE, types)
    qtbot.waitUntil(offer.isVisible)
    press(qtbot, offer, "discoverCalibrate")
    press(qtbot, offer, "discoverCalibrateLater")
    assert not offer.isVisible()
    offer.look(MACHINE, types)
    assert asked == ["asked"] and not offer.isVisible()
