"""A machine of "what if" holds in the library too: its fit and speed are that machine's, and the page says so."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame
from pytestqt.qtbot import QtBot
from support.library_page import MakePage, button, table
from support.planning import planning_on
from support.published import profile
from support.widgets import find, label

from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import local_ref
from desktop.core.units import human_bytes
from desktop.store.paths import Paths
from desktop.ui.library.columns import FIT, NAME, SPEED
from desktop.ui.library.page import LibraryPage
from desktop.ui.shared.chosen_machine import OTHER_MACHINE, ChosenMachine

STARTER = "SmolLM2-135M-Instruct.Q4_1"


def cell(page: LibraryPage, column: int, role: int = Qt.ItemDataRole.DisplayRole) -> str:
    """What the starter's row says."""
    rows = table(page).model()
    at = next(row for row in range(rows.rowCount()) if rows.index(row, NAME).data() == STARTER)
    return str(rows.index(at, column).data(role))


def title(page: LibraryPage, column: int, role: int = Qt.ItemDataRole.DisplayRole) -> str:
    return str(table(page).model().headerData(column, Qt.Orientation.Horizontal, role))


def banner(page: LibraryPage) -> QFrame:
    return find(page, QFrame, "libraryBanner")


def test_fit_and_speed_are_the_chosen_machines_and_it_is_named(
    make_page: MakePage, chosen: ChosenMachine, qtbot: QtBot
) -> None:
    page = make_page()
    qtbot.waitUntil(lambda: cell(page, FIT) == "CPU only")
    here = cell(page, SPEED)
    qtbot.waitUntil(lambda: "tok/s" in label(page, "libraryDetailsPlan"))
    own = label(page, "libraryDetailsPlan")
    assert not banner(page).isVisible() and title(page, FIT) == "Runs here"
    chosen.choose(profile("rtx-4090"), "rtx.json")
    assert cell(page, FIT) == "–", "nothing of another machine stays"
    qtbot.waitUntil(lambda: cell(page, FIT) == "all on GPU")
    assert cell(page, SPEED) not in (here, "–")
    assert title(page, FIT) == "Runs there"
    there = "GeForce RTX 4090 24 GB + 32 GB"
    assert there in title(page, SPEED, Qt.ItemDataRole.ToolTipRole)
    assert f"On {there}" in cell(page, FIT, Qt.ItemDataRole.ToolTipRole).replace("&nbsp;", " ")
    assert banner(page).isVisible() and f"is shown for {there}." in label(page, "libraryBannerText")
    assert label(page, "libraryDetailsPlan") == f"On this computer: {own}", "it is loaded here"
    qtbot.mouseClick(button(page, "libraryBack"), Qt.MouseButton.LeftButton)
    assert chosen.machine is None and not banner(page).isVisible()
    qtbot.waitUntil(lambda: (cell(page, FIT), cell(page, SPEED)) == ("CPU only", here))
    assert title(page, FIT) == "Runs here" and label(page, "libraryDetailsPlan") == own


def test_a_machine_chosen_before_the_first_visit_holds(
    make_page: MakePage, chosen: ChosenMachine, qtbot: QtBot
) -> None:
    chosen.choose(profile("rtx-4090"))
    page = make_page()
    qtbot.waitUntil(lambda: cell(page, FIT) == "all on GPU")
    assert banner(page).isVisible()


def test_a_chat_from_another_machines_figures_says_that_it_runs_here(
    make_page: MakePage, chosen: ChosenMachine, qtbot: QtBot
) -> None:
    page = make_page()
    told: list[object] = []
    page.notify.connect(told.append)
    with qtbot.waitSignal(page.run_requested):
        qtbot.mouseClick(button(page, "libraryChat"), Qt.MouseButton.LeftButton)
    assert told == []
    chosen.choose(profile("rtx-4090"))
    with qtbot.waitSignal(page.run_requested):
        qtbot.mouseClick(button(page, "libraryChat"), Qt.MouseButton.LeftButton)
    assert told == [OTHER_MACHINE]


def test_what_was_set_for_this_computers_devices_does_not_count_there(
    make_page: MakePage, chosen: ChosenMachine, paths: Paths, starter_model: Path, qtbot: QtBot
) -> None:
    planning_on(paths).remember(local_ref(starter_model), LoadSettings(context=8192, gpu_layers=2))
    chosen.choose(profile("rtx-4090"))
    page = make_page()
    qtbot.waitUntil(lambda: cell(page, FIT) == "all on GPU")
    assert "8,192 tokens" in cell(page, FIT, Qt.ItemDataRole.ToolTipRole), "what was set for the model does"


def test_the_rows_memory_is_that_of_the_plan_for_that_machine(
    make_page: MakePage, chosen: ChosenMachine, paths: Paths, starter_model: Path, qtbot: QtBot
) -> None:
    machine = profile("two-rtx-3090")
    plan = planning_on(paths).for_machine(local_ref(starter_model), machine)
    assert plan.fit is not None and plan.cores == machine.cpu.physical_cores
    chosen.choose(machine)
    page = make_page()
    qtbot.waitUntil(lambda: cell(page, FIT) == "all on GPU")
    assert human_bytes(plan.fit.memory.total_bytes) in cell(page, FIT, Qt.ItemDataRole.ToolTipRole)
