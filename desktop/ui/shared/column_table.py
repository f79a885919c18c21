"""What Qt asks of every flat table: how many rows and columns, their titles, and the side each is aligned to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

Index = QModelIndex | QPersistentModelIndex
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class ColumnTable(QAbstractTableModel):
    """A table says how many rows it shows (``_count``) and what its cells hold (``data``)."""

    def __init__(self, titles: Sequence[str], figures: Collection[int] = (), parent: QObject | None = None) -> None:
        """``figures`` are the columns that are aligned right, titles and cells."""
        super().__init__(parent)
        self._titles = tuple(titles)
        self._figures = figures

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Rows shown; a row has none below it."""
        return 0 if parent.isValid() else self._count()

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """One per title."""
        return 0 if parent.isValid() else len(self._titles)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Titles, aligned as their columns are, with what explains them."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._titles[section]
            case Qt.ItemDataRole.TextAlignmentRole:
                return self.alignment(section)
            case Qt.ItemDataRole.ToolTipRole:
                return self._title_tip(section)
        return None

    def alignment(self, column: int) -> Qt.AlignmentFlag:
        """The side of a column's title, and of its cells."""
        return _RIGHT if column in self._figures else _LEFT

    def _count(self) -> int:
        raise NotImplementedError  # abstract: a QObject's metaclass leaves no room for that of abc

    def _title_tip(self, column: int) -> str | None:
        return None
