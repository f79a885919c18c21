"""A plain table of texts: immutable rows, sorted by keys made beforehand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Qt

from desktop.core.text import plain_tooltip, visible_in_place
from desktop.ui.shared.column_table import Index
from desktop.ui.shared.sorted_table import SortedTable


@dataclass(frozen=True, slots=True)
class TextRow:
    """``texts`` and what each column is sorted by; ``tooltips`` by column; ``tag`` is the owner's."""

    texts: tuple[str, ...]
    keys: tuple[Any, ...]
    tooltips: tuple[str, ...] = ()
    tag: int = -1


class TextTableModel(SortedTable[TextRow]):
    """Rows in the order given until a column is chosen."""

    def __init__(self, figures: Collection[int] = (), parent: QObject | None = None) -> None:
        """``figures`` are the columns that are aligned right."""
        super().__init__((), figures, parent)
        self._tips: tuple[str, ...] = ()

    def set_rows(self, titles: tuple[str, ...], rows: Sequence[TextRow], tips: tuple[str, ...] = ()) -> None:
        """Replace everything. ``tips`` explain the titles, which else stand for themselves."""
        self._titles, self._tips = titles, tips
        self._replace(rows)

    def row_of(self, tag: int) -> int:
        """Where the row with a tag is shown; -1 when it is not."""
        return next((row for row, shown in enumerate(self._rows) if shown.tag == tag), -1)

    def _key(self, column: int) -> Callable[[TextRow], Any]:
        return lambda row: row.keys[column]

    def _title_tip(self, column: int) -> str | None:
        return (self._tips or self._titles)[column]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, alignment and tooltip of a cell."""
        row, column = self._rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return visible_in_place(row.texts[column])
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self.alignment(column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip((row.tooltips or row.texts)[column])
        return None
