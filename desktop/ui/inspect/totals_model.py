"""A small table of sums: tensors by type or by role, with their share of the bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QObject, Qt

from desktop.core.text import plain_tooltip
from desktop.core.units import human_bits, human_bytes
from desktop.core.words import tr
from desktop.ui.inspect.tensor_rows import Total
from desktop.ui.shared.column_table import ColumnTable, Index

_TITLES = (tr("Tensors"), tr("Size"), tr("Share"), "Bits/weight")


class TotalsModel(ColumnTable):
    """Immutable rows, most bytes first."""

    def __init__(self, what: str, parent: QObject | None = None) -> None:
        """``what`` is the title of the first column."""
        super().__init__((what, *_TITLES), range(1, len(_TITLES) + 1), parent)
        self._totals: Sequence[Total] = ()
        self._bytes = 0

    def set_totals(self, totals: Sequence[Total]) -> None:
        """Show these sums; shares are of their own whole."""
        self.beginResetModel()
        self._totals = totals
        self._bytes = sum(total.bytes for total in totals)
        self.endResetModel()

    def _count(self) -> int:
        return len(self._totals)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, alignment and tooltip of a cell."""
        total, column = self._totals[index.row()], index.column()
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self.alignment(column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(
                tr("{bytes:,} bytes", bytes=total.bytes) if column == 2 else total.label if column == 0 else ""
            )
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        share = 100 * total.bytes / self._bytes if self._bytes else 0.0
        bits = total.bits_per_weight
        texts = (
            total.label,
            f"{total.count:,}",
            human_bytes(total.bytes),
            f"{share:.1f} %",
            human_bits(bits) if bits else "–",
        )
        return texts[column]
