"""Inspect in the smallest window: the tensors have the room, and what gave way can be opened."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTabBar, QTableView, QWidget
from pytestqt.qtbot import QtBot
from support.inspect_page import MakePage, opened
from support.widgets import find

from desktop.ui.inspect.folded_tabs import FoldedTabs
from desktop.ui.inspect.page import InspectPage

LOW, USUAL = (744, 490), (1204, 770)  # of the page in windows of 820x520 and 1280x800


def whole_rows(table: QTableView) -> int:
    return table.viewport().height() // table.rowHeight(0)


def open_at(qtbot: QtBot, page: InspectPage, source: Path, size: tuple[int, int], tab: str) -> QTableView:
    page.resize(*size)
    opened(qtbot, page, source)
    page._tabs.go_to(tab)
    return find(page, QTableView, {"tensors": "tensorTable", "layers": "layerTensors"}[tab])


def click_tab(qtbot: QtBot, tabs: FoldedTabs, index: int) -> None:
    bar = tabs.findChild(QTabBar)
    assert bar is not None
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(index).center())


def test_the_tensors_have_the_room_and_their_sums_open_below(
    make_page: MakePage, qtbot: QtBot, starter_model: Path
) -> None:
    page = make_page()
    table = open_at(qtbot, page, starter_model, LOW, "tensors")
    qtbot.waitUntil(lambda: whole_rows(table) >= 6)
    sums, types, roles = (find(page, QWidget, name) for name in ("tensorTotals", "typeTotals", "roleTotals"))
    assert isinstance(sums, FoldedTabs)
    assert not types.isVisible() and sums.tabText(0) == "By type ▴"
    click_tab(qtbot, sums, 0)
    qtbot.waitUntil(lambda: types.isVisible() and not types.visibleRegion().isEmpty())
    assert sums.tabText(0) == "By type ▾" and whole_rows(table) >= 2
    click_tab(qtbot, sums, 0)
    qtbot.waitUntil(lambda: whole_rows(table) >= 6)
    click_tab(qtbot, sums, 1)
    qtbot.waitUntil(lambda: not roles.visibleRegion().isEmpty())


def test_where_there_is_room_the_sums_are_open(make_page: MakePage, qtbot: QtBot, starter_model: Path) -> None:
    page = make_page()
    table = open_at(qtbot, page, starter_model, USUAL, "tensors")
    sums = find(page, FoldedTabs, "tensorTotals")
    qtbot.waitUntil(lambda: whole_rows(table) >= 9)
    assert not sums.folded and sums.tabText(0) == "By type"
    click_tab(qtbot, sums, 0)
    assert not sums.folded
    page.resize(*LOW)
    qtbot.waitUntil(lambda: sums.folded)
    page.resize(*USUAL)
    qtbot.waitUntil(lambda: not sums.folded and sums.tabText(1) == "By role")


def test_below_the_map_three_tensors_are_seen(make_page: MakePage, qtbot: QtBot, starter_model: Path) -> None:
    page = make_page()
    table = open_at(qtbot, page, starter_model, LOW, "layers")
    qtbot.waitUntil(lambda: whole_rows(table) >= 3)
    legend = find(page, QWidget, "typeLegend")
    assert "210 tensors" in legend.toolTip() and "210 tensors" in legend.accessibleName()
    assert find(page, QWidget, "layerMap").height() >= 90
