"""A small table of sums: tensors by type or by role, with their share of the bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from desktop.core.units import human_bytes
from desktop.ui.models.tensor_rows import Total
from desktop.ui.tooltips import plain_tooltip

Index = QModelIndex | QPersistentModelIndex

_TITLES = ("Tensors", "Size", "Share", "Bits/weight")


class TotalsModel(QAbstractTableModel):
    """Immutable rows, most bytes first."""

    def __init__(self, what: str, parent: QObject | None = None) -> None:
        """``what`` is the title of the first column."""
        super().__init__(parent)
        self._titles = (what, *_TITLES)
        self._totals: Sequence[Total] = ()
        self._bytes = 0

    def set_totals(self, totals: Sequence[Total]) -> None:
        """Show these sums; shares are of their own whole."""
        self.beginResetModel()
        self._totals = totals
        self._bytes = sum(total.bytes for total in totals)
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Sums."""
        return 0 if parent.isValid() else len(self._totals)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Label and figures."""
        return 0 if parent.isValid() else len(self._titles)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Titles; figures are aligned right as their columns are."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._titles[section]
        return _alignment(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, alignment and tooltip of a cell."""
        total, column = self._totals[index.row()], index.column()
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(f"{total.bytes:,} bytes" if column == 2 else total.label if column == 0 else "")
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        share = 100 * total.bytes / self._bytes if self._bytes else 0.0
        bits = total.bits_per_weight
        texts = (
            total.label,
            f"{total.count:,}",
            human_bytes(total.bytes),
            f"{share:.1f} %",
            f"{bits:.2f}" if bits else "–",
        )
        return texts[column]


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
