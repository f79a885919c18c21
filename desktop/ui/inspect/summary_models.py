"""Tables of a format's summary: pairs of label and value, and tensors as their format lists them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QObject, Qt

from desktop.core.formats import TensorRow
from desktop.core.text import plain_tooltip
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.ui.shared.column_table import ColumnTable, Index
from desktop.ui.shared.sorted_table import SortedTable
from desktop.ui.shell.theme import Theme

MAX_CELL = 2_000  # characters of a value that are laid out; its copy is whole


class PairsModel(ColumnTable):
    """Rows of label and value, in the order given."""

    def __init__(self, theme: Theme, titles: tuple[str, str], parent: QObject | None = None) -> None:
        super().__init__(titles, (), parent)
        self._theme = theme
        self._rows: tuple[tuple[str, str], ...] = ()
        theme.changed.connect(self._restyle)

    def set_pairs(self, rows: Sequence[tuple[str, str]]) -> None:
        """Show these rows."""
        self.beginResetModel()
        self._rows = tuple(rows)
        self.endResetModel()

    def text(self, rows: Sequence[int]) -> str:
        """These rows as lines of label and whole value, separated by a tab."""
        return "\n".join("\t".join(self._rows[row]) for row in rows)

    def _count(self) -> int:
        return len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, tooltip and colour of a cell."""
        value = self._rows[index.row()][index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return value[:MAX_CELL].replace("\n", " ")
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(value[:MAX_CELL])
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == 0:
            return self._theme.color("text_muted")
        return None

    def _restyle(self) -> None:
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, 1))


TENSOR_TITLES = (tr("Tensor"), tr("Shape"), tr("Type"), tr("Size"), tr("Offset"))
NAME, SHAPE, TYPE, SIZE, OFFSET = range(len(TENSOR_TITLES))
_FIGURES = (SHAPE, SIZE, OFFSET)
_KEYS: tuple[Callable[[TensorRow], Any], ...] = (
    lambda row: row.name,
    lambda row: row.shape,
    lambda row: row.dtype,
    lambda row: row.bytes,
    lambda row: row.offset,
)


class SummaryTensorModel(SortedTable[TensorRow]):
    """Tensors in order, filtered here too: a proxy tells the view of each stretch that goes, for 0.2 s of 50,000."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(TENSOR_TITLES, _FIGURES, parent)
        self._mono = theme.monospace
        self._all: tuple[TensorRow, ...] = ()

    def set_rows(self, rows: Sequence[TensorRow]) -> None:
        """Show another file's tensors."""
        self._all = tuple(rows)
        self._replace(self._all)

    def set_filter(self, text: str) -> None:
        """Show only tensors with every word of ``text`` in name or type."""
        rows: Sequence[TensorRow] = self._all
        for word in text.lower().split():
            rows = [row for row in rows if word in row.name.lower() or word in row.dtype.lower()]
        self._replace(rows)

    def text(self, rows: Sequence[int]) -> str:
        """These rows as lines, columns separated by tabs."""
        return "\n".join("\t".join(_cells(self._rows[row])) for row in rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, tooltip, font and alignment of a cell."""
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return _cells(self._rows[index.row()])[column]
        if role == Qt.ItemDataRole.ToolTipRole and column == NAME:
            return plain_tooltip(self._rows[index.row()].name[:MAX_CELL])
        if role == Qt.ItemDataRole.FontRole and column in (NAME, SHAPE, OFFSET):
            return self._mono
        if role == Qt.ItemDataRole.TextAlignmentRole and column in _FIGURES:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def _key(self, column: int) -> Callable[[TensorRow], Any]:
        return _KEYS[column]


def _cells(row: TensorRow) -> tuple[str, ...]:
    shape = " × ".join(f"{length:,}" for length in row.shape) or "scalar"
    size = human_bytes(row.bytes) if row.bytes else "–"
    return row.name[:MAX_CELL], shape, row.dtype, size, f"{row.offset:#x}" if row.offset else "–"
