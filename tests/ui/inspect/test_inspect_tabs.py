"""The tabs of the page Inspect: one selection, filters, an export, and figures in their titles."""

from __future__ import annotations

import json
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLineEdit, QTabBar, QTableView
from pytestqt.qtbot import QtBot
from support.inspect_page import MakePage, Panel, names, opened, tabs
from support.widgets import click, find, label

from desktop.core.errors import HeftError
from desktop.services.inspect.inspection import Inspected
from desktop.ui.inspect.layer_map import LayerMap
from desktop.ui.inspect.tab import InspectTab, TabEntry
from desktop.ui.inspect.tensors import TensorsTab


class Recorder(InspectTab):
    """A tab that tells what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def show_model(self, inspected: Inspected) -> None:
        self.told.append(inspected.title)

    def clear(self) -> None:
        self.told.append("cleared")

    def go_to(self, place: str) -> None:
        self.told.append(place)


def test_a_selection_is_seen_everywhere(make_page: MakePage, qtbot: QtBot, starter_model: Path) -> None:
    page = make_page()
    opened(qtbot, page, starter_model)
    layers = find(page, LayerMap, "layerMap")
    qtbot.keyClick(layers, Qt.Key.Key_Right)
    qtbot.keyClick(layers, Qt.Key.Key_Right)
    assert Panel.shown[-1] == "blk.1.attn_q.weight"
    near = find(page, QTableView, "layerTensors")
    assert near.currentIndex().siblingAtColumn(0).data() == "blk.1.attn_q.weight"
    assert label(page, "layerCaption") == "9 tensors of layer 1"
    qtbot.keyClick(layers, Qt.Key.Key_PageDown, Qt.KeyboardModifier.ControlModifier)
    table = find(page, QTableView, "tensorTable")
    assert table.isVisible() and table.currentIndex().siblingAtColumn(0).data() == "blk.1.attn_q.weight"
    qtbot.keyClick(table, Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
    assert Panel.shown[-1] == "token_embd.weight" == near.currentIndex().siblingAtColumn(0).data()
    assert layers.accessibleDescription().startswith("token_embd.weight")


def test_filter_type_and_group(make_page: MakePage, qtbot: QtBot, starter_model: Path) -> None:
    page = make_page()
    opened(qtbot, page, starter_model)
    find(page, QTabBar, "inspectTabBar").setCurrentIndex(1)
    table = find(page, QTableView, "tensorTable")
    qtbot.keyClick(table, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    search = find(page, QLineEdit, "tensorSearch")
    qtbot.keyClicks(search, "blk.3. attn")
    assert label(page, "tensorCount") == "5 of 272"
    kinds = find(page, QComboBox, "tensorType")
    kinds.setCurrentIndex(kinds.findData("F32"))
    assert names(table) == ["blk.3.attn_norm.weight"]
    search.clear()
    click(qtbot, page, "tensorGroup")
    assert names(table)[0] == "▾ layer 0  (2)"
    sums = find(page, QTableView, "typeTotals").model()
    assert [sums.index(0, column).data() for column in range(5)] == ["Q4_1", "210", "66.4 MB", "68.7 %", "5.00"]


def test_exports_what_is_shown(make_page: MakePage, qtbot: QtBot, starter_model: Path, tmp_path: Path) -> None:
    page = make_page()
    opened(qtbot, page, starter_model)
    find(page, QTabBar, "inspectTabBar").setCurrentIndex(1)
    find(page, QLineEdit, "tensorSearch").setText("blk.29.")
    tab = find(page, TensorsTab, "inspectTensors")
    for path in (tmp_path / "list.json", tmp_path / "list.csv"):
        with qtbot.waitSignal(page.notify) as told:
            tab.write(path)
        assert str(path) in str(told.args)
    assert len(json.loads((tmp_path / "list.json").read_text())["tensors"]) == 9
    assert len((tmp_path / "list.csv").read_text().splitlines()) == 10
    with qtbot.waitSignal(page.notify) as told:
        tab.write(tmp_path / "no-such-folder" / "list.csv")
    assert isinstance(told.args[0], HeftError)


def test_tabs_are_as_wide_as_their_figures_need(
    make_page: MakePage, qtbot: QtBot, pair: tuple[Path, Path], starter_model: Path, tmp_path: Path
) -> None:
    page = make_page()
    bar = find(page, QTabBar, "inspectTabBar")
    opened(qtbot, page, pair[0])
    qtbot.waitUntil(bar.isVisible)
    narrow = bar.tabRect(1).width()
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam")
    opened(qtbot, page, tmp_path / "letter.txt")  # hides the bar while its figures change
    opened(qtbot, page, starter_model)
    qtbot.waitUntil(bar.isVisible)
    assert tabs(page)[1] == "Tensors 272" and bar.tabRect(1).width() > narrow


def test_tabs_are_made_and_told_when_looked_at(make_page: MakePage, qtbot: QtBot, pair: tuple[Path, Path]) -> None:
    made: list[Recorder] = []

    def make() -> InspectTab:
        made.append(Recorder())
        return made[-1]

    entry = TabEntry("metadata", "Metadata", make, lambda inspected: ("2", "bad"))
    page = make_page(entry)
    opened(qtbot, page, pair[0])
    assert made == [] and tabs(page)[2] == "Metadata ✕ 2"
    picture = find(page, QTabBar, "inspectTabBar").grab().toImage()
    colours = [picture.pixelColor(x, y) for x in range(picture.width()) for y in range(picture.height())]
    assert any(colour.red() - max(colour.green(), colour.blue()) > 60 for colour in colours)
    page.go_to("key:general.name")
    title = page.inspected.title if page.inspected else ""
    assert made[0].told == [title, "key:general.name"]
    find(page, QTabBar, "inspectTabBar").setCurrentIndex(0)
    opened(qtbot, page, pair[1])
    assert made[0].told[2:] == ["cleared"]
    made[0].counted.emit("0", "good")
    assert find(page, QTabBar, "inspectTabBar").accessibleTabName(2) == "Metadata 0"
    page.go_to("tensor:output.weight")
    assert Panel.shown[-1] == "output.weight"


def test_in_a_small_window_no_table_scrolls_sideways(make_page: MakePage, qtbot: QtBot, starter_model: Path) -> None:
    """At 820x520 bits per weight, sizes and shares stood beyond the right edge."""
    page = make_page()
    opened(qtbot, page, starter_model)
    page.resize(744, 450)
    bar = find(page, QTabBar, "inspectTabBar")
    seen = set()
    for at in range(bar.count()):
        if bar.tabText(at).startswith(("Layers", "Tensors")):
            bar.setCurrentIndex(at)
            qtbot.waitUntil(lambda: page.width() == 744)
            for table in page.findChildren(QTableView):
                if table.isVisible():
                    seen.add(table.objectName())
                    assert table.horizontalScrollBar().maximum() == 0, table.objectName()
                    titles = [
                        table.model().headerData(column, Qt.Orientation.Horizontal)
                        for column in range(table.model().columnCount())
                        if not table.isColumnHidden(column)
                    ]
                    assert "Size" in titles and "Type" in titles
    assert len(seen) >= 2
