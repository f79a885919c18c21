"""The table of tensors: order, filter, groups, and that they hold for 100,000 rows."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QAbstractTableModel, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from support.calls import calls_of

from desktop.core.gguf import Header, Tensor
from desktop.services.inspect.inspection import Inspected, InspectedFile
from desktop.ui.inspect.tensor_model import BITS, NAME, OFFSET, SHAPE, SIZE, TYPE, TensorTableModel
from desktop.ui.inspect.tensor_rows import TensorRows
from desktop.ui.inspect.tensor_table import TensorTable
from desktop.ui.shell.theme import Theme

DOWN, UP = Qt.SortOrder.DescendingOrder, Qt.SortOrder.AscendingOrder


def rows_of(*tensors: Tensor) -> TensorRows:
    header = Header(3, "little", {}, tensors, 32, 0, 0, 1 << 40, ())
    return TensorRows.of(Inspected("x", "x", "gguf", (InspectedFile("x.gguf", None, header),), (), 0.0, 1 << 40))


SMALL = (
    Tensor("token_embd.weight", (256, 1000), 8, 0),
    Tensor("blk.10.attn_q.weight", (256, 256), 12, 300_000),
    Tensor("blk.2.attn_q.weight", (256, 256), 12, 400_000),
    Tensor("blk.2.attn_norm.weight", (256,), 0, 500_000),
    Tensor("blk.2.odd.weight", (7,), 200, 600_000),
)


@pytest.fixture
def model(theme: Theme) -> TensorTableModel:
    made = TensorTableModel(theme)
    made.set_rows(rows_of(*SMALL))
    return made


def column(model: QAbstractTableModel, which: int) -> list[str]:
    return [model.index(row, which).data() for row in range(model.rowCount())]


def test_cells(model: TensorTableModel) -> None:
    assert column(model, NAME)[0] == "token_embd.weight"
    assert column(model, SHAPE) == ["256 × 1,000", "256 × 256", "256 × 256", "256", "7"]
    assert column(model, TYPE)[-1] == "type 200"
    assert column(model, BITS) == ["8.50", "4.50", "4.50", "32.00", "–"]
    assert column(model, SIZE)[0] == "272.0 kB" and column(model, SIZE)[-1] == "–"
    assert column(model, OFFSET)[1] == hex(300_000)


def test_numbers_in_names_sort_as_numbers(model: TensorTableModel) -> None:
    model.sort(NAME, UP)
    assert [name.split(".")[1] for name in column(model, NAME)[:4]] == ["2", "2", "2", "10"]
    model.sort(SIZE, DOWN)
    assert column(model, NAME)[0] == "token_embd.weight"
    model.sort(-1)
    assert column(model, NAME) == [tensor.name for tensor in SMALL]


def test_filter_by_text_shape_and_type(model: TensorTableModel) -> None:
    model.set_filter("BLK attn")
    assert model.rowCount() == 3
    model.set_filter("1,000")
    assert column(model, NAME) == ["token_embd.weight"]
    model.set_filter("", "Q4_K")
    assert model.rowCount() == 2 and list(model.matching) == [1, 2]
    model.set_filter("nothing like it")
    assert model.rowCount() == 0


def test_groups_open_and_close(model: TensorTableModel) -> None:
    model.set_grouped(True)
    assert column(model, NAME)[0] == "▾ layer 2  (3)" and column(model, NAME)[-2] == "▾ outside the layers  (1)"
    assert model.position_at(0) == -1 and model.index(0, SIZE).data() == "37.9 kB"
    model.toggle_group(0)
    assert column(model, NAME)[:2] == ["▸ layer 2  (3)", "▾ layer 10  (1)"]
    assert model.row_of(2) == -1 and len(model.matching) == 5
    model.open_group_of(2)
    assert model.position_at(model.row_of(2)) == 2
    model.sort(NAME, DOWN)
    assert column(model, NAME)[0].startswith("▾ layer 2")  # groups keep their order, tensors sort inside them


def test_selection_follows_its_tensor_through_sorting(model: TensorTableModel, qtbot: QtBot) -> None:
    table = TensorTable(model, "t", "t")
    qtbot.addWidget(table)
    table.select(3)
    table.sortByColumn(NAME, DOWN)
    assert model.position_at(table.currentIndex().row()) == 3
    chosen: list[int] = []
    table.chosen.connect(chosen.append)
    qtbot.keyClick(table, Qt.Key.Key_Up)
    assert chosen == [model.position_at(table.currentIndex().row())]


def test_the_shapes_of_experts_have_room(model: TensorTableModel, qtbot: QtBot) -> None:
    table = TensorTable(model, "t", "t")
    qtbot.addWidget(table)
    table.fit(rows_of(*SMALL))
    narrow = table.columnWidth(SHAPE)
    table.fit(rows_of(*SMALL, Tensor("blk.0.ffn_up_exps.weight", (2048, 768, 128), 12, 0)))
    font = model.index(0, SHAPE).data(Qt.ItemDataRole.FontRole)
    assert table.columnWidth(SHAPE) >= QFontMetrics(font).horizontalAdvance("2,048 × 768 × 128") + 22 > narrow


def test_copied_rows_are_tab_separated(model: TensorTableModel, qtbot: QtBot) -> None:
    table = TensorTable(model, "t", "t")
    qtbot.addWidget(table)
    table.fit(rows_of(*SMALL))
    table.select(1)
    qtbot.keyClick(table, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QApplication.clipboard().text().splitlines()
    assert lines[0] == "Tensor\tShape\tType\tBits/weight\tSize\tOffset"
    assert [line.split("\t")[0] for line in lines[1:]] == ["blk.10.attn_q.weight", "blk.2.attn_q.weight"]


def test_totals() -> None:
    rows = rows_of(*SMALL)
    assert [(t.label, t.count) for t in rows.types] == [("Q8_0", 1), ("Q4_K", 2), ("F32", 1), ("type 200", 1)]
    unknown = rows.types[-1]
    assert (unknown.bytes, unknown.bits_per_weight) == (0, 0.0)
    assert {t.label: t.bytes for t in rows.roles}["attn_q"] == 2 * 256 * 144


def test_sorting_and_filtering_100_000_rows_calls_little_per_row(theme: Theme) -> None:
    many = 100_000
    model = TensorTableModel(theme)
    model.set_rows(rows_of(*(Tensor(f"blk.{at // 10}.role{at % 10}.weight", (256, 4), 12, at) for at in range(many))))
    assert calls_of(lambda: model.sort(NAME, DOWN)) < 100
    assert calls_of(lambda: model.set_filter("blk.9 role3")) < 100
    model.set_filter("")
    assert calls_of(lambda: model.set_grouped(True)) < 100
    assert model.rowCount() == many + many // 10
    assert calls_of(lambda: model.sort(SIZE, UP)) < 100
