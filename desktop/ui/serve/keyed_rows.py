"""Flat tables whose rows change in place: what is chosen and how far it is scrolled stay when figures move."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QModelIndex, QObject, Qt

from desktop.core.text import plain_tooltip, visible_in_place
from desktop.ui.serve.two_tone import PARTS
from desktop.ui.shared.column_table import ColumnTable, Index
from desktop.ui.shell.theme import Theme

R = TypeVar("R")


class KeyedRows(ColumnTable, Generic[R]):
    """Rows of one kind, in the order given. A table says what a row is (``_key``) and what its cells hold."""

    def __init__(
        self, titles: Sequence[str], figures: Collection[int], theme: Theme, parent: QObject | None = None
    ) -> None:
        super().__init__(titles, figures, parent)
        self._theme = theme
        self._rows: list[R] = []
        theme.changed.connect(self._restyle)

    def show_rows(self, rows: Sequence[R]) -> None:
        """Show these: new ones at the beginning are put in, old ones at the end taken out, the rest stays in place."""
        new, old = [self._key(row) for row in rows], [self._key(row) for row in self._rows]
        fresh = next((at for at, key in enumerate(new) if old and key == old[0]), -1)
        kept = len(new) - fresh
        if fresh < 0 or kept > len(old) or new[fresh:] != old[:kept]:
            self.beginResetModel()
            self._rows = list(rows)
            self.endResetModel()
            return
        if kept < len(old):
            self.beginRemoveRows(QModelIndex(), kept, len(old) - 1)
            del self._rows[kept:]
            self.endRemoveRows()
        if fresh:
            self.beginInsertRows(QModelIndex(), 0, fresh - 1)
            self._rows[:0] = rows[:fresh]
            self.endInsertRows()
        self._rows = list(rows)
        self._changed(len(rows))

    def at(self, row: int) -> R | None:
        """What is in a row; None outside the table."""
        return self._rows[row] if 0 <= row < len(self._rows) else None

    def row_of(self, key: object) -> int:
        """The row of a key; -1 where there is none."""
        return next((at for at, row in enumerate(self._rows) if self._key(row) == key), -1)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, alignment, colour and tooltip of a cell; its two parts where it has them."""
        row, column = self.at(index.row()), index.column()
        if row is None:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return visible_in_place(self._text(row, column))
            case Qt.ItemDataRole.ToolTipRole:
                return plain_tooltip(self._tip(row, column) or self._text(row, column))
            case Qt.ItemDataRole.TextAlignmentRole:
                return self.alignment(column)
            case Qt.ItemDataRole.ForegroundRole:
                token = self._token(row, column)
                return self._theme.color(token) if token else None
            case _ if role == PARTS:
                first, second, token = self._parts(row, column)
                return visible_in_place(first), visible_in_place(second), token
        return None

    def _key(self, row: R) -> object:
        raise NotImplementedError  # abstract, as in ColumnTable

    def _text(self, row: R, column: int) -> str:
        raise NotImplementedError

    def _parts(self, row: R, column: int) -> tuple[str, str, str]:
        """Of a cell that is painted in two tones."""
        return self._text(row, column), "", "text_muted"

    def _tip(self, row: R, column: int) -> str:
        return ""

    def _token(self, row: R, column: int) -> str:
        """The colour of a cell; "" for that of text."""
        return ""

    def _count(self) -> int:
        return len(self._rows)

    def _restyle(self) -> None:
        self._changed(len(self._rows))

    def _changed(self, count: int) -> None:
        if count:
            self.dataChanged.emit(self.index(0, 0), self.index(count - 1, self.columnCount() - 1))
