"""Tables sorted by their headings and filtered by words: the current row stays what it is, and nothing is slow."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QTableView
from pytestqt.qtbot import QtBot
from support.calls import calls_of
from support.widgets import shown

from desktop.ui.shared.column_table import Index
from desktop.ui.shared.sorted_table import FilteredTable, SortedTable
from desktop.ui.shared.tables import set_up_table

NAMES = ["delta", "alpha", "charlie", "bravo", "alphabet"]


class Names(SortedTable[str]):
    """A name, and its length."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(("Name", "Length"))
        self._replace(names)

    def _key(self, column: int) -> Callable[[str], Any]:
        return len if column else str

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self._rows[index.row()]
        return (row, str(len(row)))[index.column()] if role == Qt.ItemDataRole.DisplayRole else None


class Both:
    """The table, its proxy, and a view of it."""

    def __init__(self, qtbot: QtBot, names: list[str]) -> None:
        self.names = Names(names)
        self.proxy = FilteredTable(self.names, lambda row: str(self.names.at(row)))
        self.view = QTableView()
        set_up_table(self.view, "names", "Names", row_height=20)
        self.view.setModel(self.proxy)
        self.view.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.view.setSortingEnabled(True)
        self._qtbot = qtbot
        shown(qtbot, self.view, 300, 200)

    def click_heading(self, column: int) -> None:
        header = self.view.horizontalHeader()
        at = QPoint(header.sectionViewportPosition(column) + 20, header.height() // 2)
        self._qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=at)

    @property
    def shown(self) -> list[str]:
        return [self.proxy.index(row, 0).data() for row in range(self.proxy.rowCount())]

    @property
    def current(self) -> str:
        return str(self.view.currentIndex().data())


@pytest.fixture
def both(qtbot: QtBot) -> Iterator[Both]:
    yield Both(qtbot, NAMES)


def test_headings_sort_and_the_current_row_stays_what_it_is(both: Both) -> None:
    assert both.shown == NAMES
    both.view.selectRow(2)
    both.click_heading(0)
    assert both.shown == sorted(NAMES) and both.current == "charlie"
    both.click_heading(0)
    assert both.shown == sorted(NAMES, reverse=True) and both.current == "charlie"
    both.click_heading(1)
    assert both.shown == sorted(NAMES, key=len) and both.current == "charlie"
    assert [index.row() for index in both.view.selectionModel().selectedRows()] == [both.view.currentIndex().row()]


def test_words_filter_and_what_stays_keeps_the_current_row(both: Both) -> None:
    told: list[bool] = []
    both.proxy.filtered.connect(lambda: told.append(both.proxy.filtering))
    both.view.selectRow(4)
    both.proxy.set_filter("ALPHA")
    assert both.shown == ["alpha", "alphabet"] and both.current == "alphabet"
    both.click_heading(0)
    both.proxy.set_filter("")
    assert both.shown == sorted(NAMES) and both.current == "alphabet"
    assert told == [False, False]


def test_rows_of_both_tables_are_told_from_each_other(both: Both) -> None:
    both.proxy.set_filter("alpha")
    assert [both.proxy.source_row(row) for row in (0, 1, 2, -1)] == [1, 4, -1, -1]
    assert [both.proxy.row_for(row) for row in (1, 4, 0, -1)] == [0, 1, -1, -1]


def test_ten_thousand_rows_ask_python_a_few_times_a_row_and_not_for_every_comparison(qtbot: QtBot) -> None:
    many = 10_000
    both = Both(qtbot, [f"name {number}" for number in random.Random(1).sample(range(many), many)])
    for act in (
        lambda: both.proxy.sort(0),
        lambda: both.proxy.sort(0, Qt.SortOrder.DescendingOrder),
        lambda: both.proxy.set_filter("7"),
        lambda: both.proxy.set_filter(""),
    ):
        assert calls_of(act) < 6 * many  # some 130,000 comparisons sort them
    assert both.proxy.rowCount() == many
