"""Discover's offer to measure this computer: only what is missing, only with leave, and not again after a no."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot
from support.calibrating import MACHINE, ScriptedCalibration
from support.widgets import click

from desktop.ui.shared.speed_offer import SpeedOffer
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme


@pytest.fixture
def service(tmp_path: Path) -> ScriptedCalibration:
    made = ScriptedCalibration(tmp_path)
    made.end.set()
    return made


@pytest.fixture
def offer(qtbot: QtBot, theme: Theme, tasks: Tasks, service: ScriptedCalibration) -> Iterator[SpeedOffer]:
    made = SpeedOffer(tasks, service)
    qtbot.addWidget(made)
    made.resize(800, 60)
    yield made


def test_what_is_missing_is_measured_with_leave(qtbot: QtBot, offer: SpeedOffer, service: ScriptedCalibration) -> None:
    offer.look(MACHINE, lambda: ("Q4_K", "Q8_0"))
    qtbot.waitUntil(offer.isVisible)
    words = offer.findChild(QLabel, "speedOfferWords")
    assert words is not None and "Q4_K, Q8_0" in words.text()
    click(qtbot, offer, "discoverCalibrate")
    assert service.measured == ()
    with qtbot.waitSignal(offer.measured):
        click(qtbot, offer, "discoverCalibrateNow")
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
    click(qtbot, offer, "discoverCalibrate")
    click(qtbot, offer, "discoverCalibrateLater")
    assert not offer.isVisible()
    offer.look(MACHINE, types)
    assert asked == ["asked"] and not offer.isVisible()
