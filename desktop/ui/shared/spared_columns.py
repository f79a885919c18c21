"""Columns that a table leaves out where there is no room for them, rather than let it scroll sideways."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QTableView


class SparedColumns(QObject):
    """Follows the width of one table. A column that somebody else hides stays hidden."""

    def __init__(self, table: QTableView, stretched: int, least: int, order: Sequence[int]) -> None:
        """``stretched`` is the column that takes what the others leave, ``least`` the pixels it needs; columns go in
        ``order``, the least telling one first."""
        super().__init__(table)
        self._table, self._stretched, self._least, self._order = table, stretched, least, tuple(order)
        self._widths: dict[int, int] = {}  # of those that are left out
        table.viewport().installEventFilter(self)

    def is_spared(self, column: int) -> bool:
        """Whether a column is left out for want of room."""
        return column in self._widths

    def fit(self) -> None:
        """Leave out as many as must be, and show those again that there is room for."""
        table, room = self._table, self._table.viewport().width()
        shown = {
            column: self._widths.get(column, table.columnWidth(column))
            for column in range(table.model().columnCount())
            if column != self._stretched and (self.is_spared(column) or not table.isColumnHidden(column))
        }
        for column in self._order:
            if column not in shown:
                continue
            too_wide = self._least + sum(shown.values()) > room
            if too_wide:
                self._widths[column] = shown.pop(column)
                table.setColumnHidden(column, True)
            elif self.is_spared(column):
                table.setColumnHidden(column, False)
                table.setColumnWidth(column, self._widths.pop(column))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Another width."""
        if event.type() == QEvent.Type.Resize:
            self.fit()
        return False
