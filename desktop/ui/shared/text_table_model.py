"""A plain table of texts: immutable rows, sorted by keys made beforehand."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Qt

from desktop.core.text import plain_tooltip, visible_in_place
from desktop.ui.shared.column_table import ColumnTable, Index


@dataclass(frozen=True, slots=True)
class TextRow:
    """``texts`` and what each column is sorted by; ``tooltips`` by column; ``tag`` is the owner's."""

    texts: tuple[str, ...]
    keys: tuple[Any, ...]
    tooltips: tuple[str, ...] = ()
    tag: int = -1


class TextTableModel(ColumnTable):
    """Rows in the order given until a column is chosen."""

    def __init__(self, figures: Collection[int] = (), parent: QObject | None = None) -> None:
        """``figures`` are the columns that are aligned right."""
        super().__init__((), figures, parent)
        self._all: Sequence[TextRow] = ()
        self._shown: list[TextRow] = []
        self._column, self._descending = -1, False

    def set_rows(self, titles: tuple[str, ...], rows: Sequence[TextRow]) -> None:
        """Replace everything."""
        self.beginResetModel()
        self._titles, self._all = titles, rows
        self._arrange()
        self.endResetModel()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Order by a column; -1 is the order given."""
        self.beginResetModel()
        self._column, self._descending = column, order == Qt.SortOrder.DescendingOrder
        self._arrange()
        self.endResetModel()

    def at(self, row: int) -> TextRow | None:
        """The row shown at a place."""
        return self._shown[row] if 0 <= row < len(self._shown) else None

    def row_of(self, tag: int) -> int:
        """Where the row with a tag is shown; -1 when it is not."""
        return next((row for row, shown in enumerate(self._shown) if shown.tag == tag), -1)

    def _arrange(self) -> None:
        self._shown = list(self._all)
        if 0 <= self._column < len(self._titles):
            column = self._column
            self._shown.sort(key=lambda row: row.keys[column], reverse=self._descending)

    def _count(self) -> int:
        return len(self._shown)

    def _title_tip(self, column: int) -> str | None:
        return self._titles[column]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, alignment and tooltip of a cell."""
        row, column = self._shown[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return visible_in_place(row.texts[column])
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self.alignment(column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip((row.tooltips or row.texts)[column])
        return None
