"""A table leaves columns out where there is no room for them, the least telling first, and shows them again."""

from __future__ import annotations

from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QHeaderView, QTableView
from pytestqt.qtbot import QtBot

from desktop.ui.shared.spared_columns import SparedColumns

NAME, SIZE, KIND, NOTE = range(4)


def test_columns_go_in_their_order_and_come_back(qtbot: QtBot) -> None:
    table = QTableView()
    qtbot.addWidget(table)
    model = QStandardItemModel(2, 4)
    table.setModel(model)
    for column in (SIZE, KIND, NOTE):
        table.setColumnWidth(column, 100)
    table.horizontalHeader().setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
    spared = SparedColumns(table, NAME, 150, (NOTE, KIND))
    table.show()

    def shown(width: int) -> list[int]:
        table.resize(width, 200)
        qtbot.waitUntil(lambda: table.width() == width)
        assert table.horizontalScrollBar().maximum() == 0 or width < 250
        return [column for column in range(4) if not table.isColumnHidden(column)]

    assert shown(600) == [NAME, SIZE, KIND, NOTE]
    assert shown(430) == [NAME, SIZE, KIND] and spared.is_spared(NOTE)
    assert shown(300) == [NAME, SIZE]
    assert shown(600) == [NAME, SIZE, KIND, NOTE] and table.columnWidth(NOTE) == 100
    table.setColumnHidden(KIND, True)  # by somebody else
    assert shown(300) == [NAME, SIZE]
    assert shown(600) == [NAME, SIZE, NOTE]
