"""Metadata as a tree of two levels: groups by prefix, keys in them; searched and sorted here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QFont

from desktop.core.text import plain_tooltip
from desktop.core.words import tr
from desktop.services.inspect.metadata import MetadataRow
from desktop.ui.shell.theme import Theme

Index = QModelIndex | QPersistentModelIndex

TITLES = (tr("Key"), tr("Type"), tr("Value"))
KEY, TYPE, VALUE = range(3)
_NO_GROUP = 0  # internal id of a group's index; a key's is its group's number + 1


class MetadataModel(QAbstractItemModel):
    """Groups keep the file's order; keys in them the file's order until a column is sorted by.

    No QSortFilterProxyModel: it would turn the groups around with the keys, and a group's title counts what is shown of
    it. It would be slower, too; measured on two cores of an EPYC, a key in the search with the tree in view: of 50 keys
    1 to 7 ms here, 2 to 8 ms by a proxy; of 1,000 3 to 19 ms here, 13 to 35 ms; of 10,000 11 to 99 ms, 104 to 367 ms.
    """

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._all: tuple[MetadataRow, ...] = ()
        self._texts: list[str] = []
        self._groups: list[tuple[str, list[MetadataRow]]] = []
        self._words: list[str] = []
        self._column, self._descending = -1, False
        self._bold = QFont()
        self._bold.setWeight(QFont.Weight.DemiBold)
        theme.changed.connect(self._restyle)

    @property
    def shown(self) -> int:
        """Keys that match the search."""
        return sum(len(rows) for _, rows in self._groups)

    def set_rows(self, rows: Sequence[MetadataRow]) -> None:
        """Show these entries."""
        self._all = tuple(rows)
        self._texts = [f"{row.key} {row.type} {row.preview} {row.note}".casefold() for row in rows]
        self._refill()

    def set_filter(self, text: str) -> None:
        """Show only entries that have every word of ``text`` in key, type or the value's beginning."""
        self._words = text.casefold().split()
        self._refill()

    def at(self, index: Index) -> MetadataRow | None:
        """The entry of an index; None for a group."""
        if not index.isValid() or index.internalId() == _NO_GROUP:
            return None
        return self._groups[index.internalId() - 1][1][index.row()]

    def index_of(self, key: str) -> QModelIndex:
        """Where an entry is shown; an invalid index when it is not."""
        for number, (_, rows) in enumerate(self._groups):
            for row, entry in enumerate(rows):
                if entry.key == key:
                    return self.createIndex(row, KEY, number + 1)
        return QModelIndex()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Order the keys within their groups; column -1 is the file's order."""
        self._column, self._descending = column, order == Qt.SortOrder.DescendingOrder
        self._refill()

    def _refill(self) -> None:
        self.beginResetModel()
        groups: dict[str, list[MetadataRow]] = {}
        for row, text in zip(self._all, self._texts, strict=True):
            if all(word in text for word in self._words):
                groups.setdefault(row.group, []).append(row)
        keys = (lambda r: r.key, lambda r: (r.value.type, r.length or 0), lambda r: (r.length or 0, r.preview))
        if self._column >= 0:
            for rows in groups.values():
                rows.sort(key=keys[self._column], reverse=self._descending)
        self._groups = list(groups.items())
        self.endResetModel()

    # -- Qt's questions --------------------------------------------------------------------------

    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008
        """A group at the top, a key within a group."""
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        return self.createIndex(row, column, parent.row() + 1 if parent.isValid() else _NO_GROUP)

    def parent(self, index: Index = QModelIndex()) -> Any:  # noqa: B008
        """The group of a key."""
        if not index.isValid() or index.internalId() == _NO_GROUP:
            return QModelIndex()
        return self.createIndex(index.internalId() - 1, 0, _NO_GROUP)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Groups, or the keys of one."""
        if not parent.isValid():
            return len(self._groups)
        return len(self._groups[parent.row()][1]) if parent.internalId() == _NO_GROUP and parent.column() == 0 else 0

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Key, type and value."""
        return len(TITLES)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Titles."""
        horizontal = orientation == Qt.Orientation.Horizontal
        return TITLES[section] if horizontal and role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, font, colour and tooltip of a cell."""
        row = self.at(index)
        if row is None:
            return self._group_data(index, role)
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return (row.key, row.type, f"{row.preview}   {row.note}" if row.note else row.preview)[index.column()]
            case Qt.ItemDataRole.ToolTipRole:
                return plain_tooltip(row.meaning.text if row.meaning else row.key)
            case Qt.ItemDataRole.ForegroundRole if index.column() == TYPE:
                return self._theme.color("text_muted")
            case Qt.ItemDataRole.FontRole if index.column() == VALUE:
                return self._theme.monospace
        return None

    def _group_data(self, index: Index, role: int) -> Any:
        name, rows = self._groups[index.row()]
        if role == Qt.ItemDataRole.DisplayRole and index.column() == KEY:
            return f"{name}  ({len(rows):,})"
        if role == Qt.ItemDataRole.FontRole:
            return self._bold
        return None

    def _restyle(self) -> None:
        for number, (_, rows) in enumerate(self._groups):
            group = self.createIndex(number, 0, _NO_GROUP)
            self.dataChanged.emit(self.index(0, 0, group), self.index(len(rows) - 1, VALUE, group))
