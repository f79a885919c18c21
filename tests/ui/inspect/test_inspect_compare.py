"""Two files compared on the page Inspect."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QAbstractButton, QFileDialog, QTableView
from pytestqt.qtbot import QtBot
from support.inspect_page import MakePage, Panel, names, opened, tabs
from support.widgets import click, find, label

from desktop.ui.inspect import actions
from desktop.ui.inspect.layer_map import LayerMap
from desktop.ui.inspect.type_legend import TypeLegend


def test_compares_two_files(make_page: MakePage, qtbot: QtBot, pair: tuple[Path, Path]) -> None:
    page = make_page()
    opened(qtbot, page, pair[0])
    page.compare(str(pair[1]))
    qtbot.waitUntil(lambda: not page.busy)
    assert tabs(page)[-1] == "Compare 2"
    assert "2 of 11 tensors and 1 of 6 metadata keys differ" in label(page, "compareWords")
    table = find(page, QTableView, "compareTensors")
    assert names(table) == ["blk.0.ffn_up.weight", "output.weight"]
    cells = [table.model().index(0, column).data() for column in range(4)]
    assert cells[1:] == ["other type", "Q4_K, 256 × 1,024, 147.5 kB", "Q6_K, 256 × 1,024, 215.0 kB"]
    assert names(find(page, QTableView, "compareKeys")) == ["general.author"]
    legend = find(page, TypeLegend, "compareTypes")
    assert "Q4_K, 4.50 bits · " in legend.accessibleName() and legend.isVisible()
    both = find(page, LayerMap, "compareMap")
    table.selectRow(0)
    assert "one" in both.accessibleDescription() and "Q6_K" in both.accessibleDescription()
    assert Panel.shown[-1] == "blk.0.ffn_up.weight"
    click(qtbot, page, "compareEnd")
    assert tabs(page) == ["Layers", "Tensors 10"]


def test_another_model_ends_the_comparison(make_page: MakePage, qtbot: QtBot, pair: tuple[Path, Path]) -> None:
    page = make_page()
    opened(qtbot, page, pair[0])
    page.compare(str(pair[0]))
    qtbot.waitUntil(lambda: not page.busy)
    assert "say the same" in label(page, "compareWords")
    end = find(page, QAbstractButton, "compareEnd")
    assert end.width() < end.sizeHint().width() + 20
    opened(qtbot, page, pair[1])
    assert tabs(page) == ["Layers", "Tensors 11"]
    assert find(page, LayerMap, "layerMap").isVisible()


def test_the_palette_ends_it_checks_and_exports(make_page: MakePage, qtbot: QtBot, pair: tuple[Path, Path]) -> None:
    page = make_page()
    commands = page.commands
    assert commands.reason(actions.EXPORT_CSV) == "Open a GGUF file first."
    assert commands.reason(actions.OPEN_LOADED) == "No model of this computer is loaded."
    opened(qtbot, page, pair[0])
    assert commands.reason(actions.END_COMPARISON) == "No other model is beside this one."
    page.compare(str(pair[1]))
    qtbot.waitUntil(lambda: not page.busy)
    assert tabs(page)[-1] == "Compare 2"
    assert commands.trigger(actions.END_COMPARISON) == ""
    assert tabs(page) == ["Layers", "Tensors 10"]
    assert commands.trigger(actions.EXPORT_JSON) == ""
    dialog = find(page, QFileDialog, "tensorExportDialog")
    assert dialog.defaultSuffix() == "json"
    dialog.reject()
