"""Discover before anything was chosen: models for this computer, and what would be quick enough where nothing is."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QScrollArea
from pytestqt.qtbot import QtBot
from support.discover_page import Made
from support.hub_server import HubServer

from desktop.core.hardware import Cpu, Machine, Memory
from desktop.core.speed import Calibration
from desktop.hub.client import HubClient
from desktop.hub.header import HeaderReader
from desktop.hub.search import HubSearch
from desktop.services.discover.picker import PickerService
from desktop.services.discover.picks import PicksService
from desktop.services.discover.tables import DataTables
from desktop.services.machine.calibration import CalibrationService
from desktop.services.planning.speed import SpeedService
from desktop.store.paths import Paths
from desktop.ui.discover.picking import Picking
from desktop.ui.discover.picks_panel import PicksPanel


@pytest.fixture
def machine() -> Machine:
    cpu = Cpu("two cores", physical_cores=2, usable_cores=2)
    return Machine(cpu, Memory(25_300_000_000, 24_000_000_000, bandwidth_bytes_per_second=50e9))


@pytest.fixture
def picking(made: Made, hub: HubServer, paths: Paths, machine: Machine, tmp_path: Path) -> Picking:
    """The page with picks, as the program wires it."""
    client = HubClient(endpoint=hub.endpoint, token=lambda: None, connect_seconds=30.0, read_seconds=30.0)
    search, tables = HubSearch(client, tmp_path / "other-answers"), DataTables()
    rates = SpeedService(CalibrationService(paths), lambda: machine)
    picker = PickerService(search, HeaderReader(client, tmp_path / "headers"), tables, lambda: machine, rates=rates)
    page = made.page
    page._weighing._service = picker
    found = Picking(PicksService(search, picker, tables, rates), page._tasks, page)
    found.serve(page._state, page._repo, page._weighing, page.search_for)
    return found


def roles(made: Made) -> list[str]:
    panel = made.find(PicksPanel, "picksPanel")
    return [label.text() for label in panel.findChildren(QLabel) if label.objectName().startswith("pickRole")]


def test_a_pick_of_the_hub_opens_with_the_figures_it_had(made: Made, picking: Picking, qtbot: QtBot) -> None:
    picking.seek()
    assert "Asking the Hub" in made.text("picksSource")
    made.wait(lambda: bool(roles(made)))
    assert made.text("picksSource").startswith("From the Hub's lists of the most downloaded models now")
    assert made.find(PicksPanel, "picksPanel").isVisible() and "Quick" in roles(made)[0]
    figures, said = made.text("pickFigures0"), made.text("pickReason0")
    assert "tok/s" in figures and "~ " in figures and "4,096 tokens" in said
    name = made.text("pickName0")
    assert "this one comes closest" in said and name == "Qwen3-8B-GGUF", "the quicker of 8B and 14B"
    button = made.find(QPushButton, "pickOpen0")
    assert button.accessibleName().startswith(f"Look at {name}")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    made.wait(made.table.isVisible)
    assert name.removesuffix("-GGUF") in made.text("repoTitle")
    made.wait(lambda: made.page._repo.view is not None and made.page._repo.view.recommended is not None)
    row = made.page._repo.view.recommended
    assert row is not None and figures.startswith(f"{row.variant.name} · ")
    assert made.page._repo.controls.controls.goal == "speed"
    assert not made.find(PicksPanel, "picksPanel").isVisible()


def test_without_a_hub_the_picks_are_those_of_a_dated_table(
    made: Made, picking: Picking, hub: HubServer, qtbot: QtBot
) -> None:
    hub.close()
    picking.seek()
    made.wait(lambda: bool(roles(made)))
    assert "From Heft's own list of August 2025" in made.text("picksSource")
    together = " · ".join(roles(made))
    for word in ("Quick", "Balanced", "Best", "Coding", "Sees pictures", "Long documents"):
        assert word in together
    for size in ((820, 520), (745, 445)):
        made.page.resize(*size)
        qtbot.waitUntil(lambda size=size: made.page.width() == size[0])  # type: ignore[misc]
        area = made.find(QScrollArea, "discoverStateScroll")
        assert area.horizontalScrollBar().maximum() == 0
        panel = made.find(PicksPanel, "picksPanel")
        assert panel.width() <= area.viewport().width()


def test_a_pick_that_cannot_be_opened_says_why_and_what_to_do(
    made: Made, picking: Picking, hub: HubServer, qtbot: QtBot
) -> None:
    hub.close()
    picking.seek()
    made.wait(lambda: bool(roles(made)))
    said, button = made.find(QLabel, "pickOffline1"), made.find(QPushButton, "pickOpen1")
    made.wait(button.isVisible)
    assert not said.isVisible()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert said.isVisible() and "are on the Hub" in said.text() and "cannot be reached" in said.text()
    assert "Check the network connection" in said.text() and "press “Look at it” again" in said.text()
    assert not made.find(QLabel, "pickOffline0").isVisible()
    for size in ((1280, 800), (820, 520)):
        made.page.resize(*size)
        labels = [label for label in said.parentWidget().findChildren(QLabel) if label.isVisible()]
        made.wait(lambda labels=labels: all(one.height() >= one.heightForWidth(one.width()) for one in labels))  # type: ignore[misc]


def test_picks_in_view_follow_a_calibration(
    made: Made, picking: Picking, paths: Paths, machine: Machine, qtbot: QtBot
) -> None:
    """As one made on the page Machine, or by a command."""
    picking.seek()
    made.wait(lambda: bool(roles(made)))
    before, panel = made.text("pickFigures0"), made.find(PicksPanel, "picksPanel")
    button = made.find(QPushButton, "pickOpen0")
    panel.in_view.emit()  # as it does every few seconds
    made.wait(lambda: picking._seeking is None)
    assert made.find(QPushButton, "pickOpen0") is button  # nothing has changed: no card is another one
    calibration = CalibrationService(paths)
    guessed = calibration.speeds(machine)["cpu"]
    cpu = msgspec.structs.replace(guessed, method="calibrated", token_seconds=1.0)
    calibration._keep(Calibration(calibration.key(machine), "2026-01-01T00:00:00+00:00", 2, {"cpu": cpu}))
    panel.in_view.emit()
    made.wait(lambda: made.text("pickFigures0") != before)
    assert "0.9 tok/s" in made.text("pickFigures0") or "1.0 tok/s" in made.text("pickFigures0")


def test_where_nothing_is_quick_enough_it_says_what_would_be(made: Made, picking: Picking) -> None:
    made.page._search.filters.set_fits_only(False)
    made.wait(lambda: "Qwen3-14B-GGUF" in made.results)
    made.open(made.results.index("Qwen3-14B-GGUF"))
    label = made.find(QLabel, "repoQuicker")
    made.wait(label.isVisible)
    assert label.text().startswith("Quick enough here would be <a href=") and "mixture of experts" in label.text()
    made.open(made.results.index("Qwen3-8B-GGUF"))
    made.open(made.results.index("Qwen3-14B-GGUF"))  # the same again says the same
    made.wait(label.isVisible)
    made.open(made.results.index("Qwen3-8B-GGUF"))
    view = made.page._repo.view
    assert view is not None and view.recommended is not None
    made.wait(lambda: label.isVisible() != view.recommended.option.readable)
