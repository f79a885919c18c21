"""The table of tensors: sorted and filtered by ready-made keys, grouped by layer when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QFont

from desktop.core.gguf import Tensor
from desktop.core.text import plain_tooltip, visible_in_place
from desktop.core.units import human_bits, human_bytes
from desktop.core.words import tr
from desktop.ui.inspect.tensor_rows import TensorRows, Total, bits_of, expert_note, shape_text, totals
from desktop.ui.shared.column_table import ColumnTable, Index
from desktop.ui.shell.theme import Theme

TITLES = (tr("Tensor"), tr("Shape"), tr("Type"), "Bits/weight", tr("Size"), tr("Offset"), tr("File"))
NAME, SHAPE, TYPE, BITS, SIZE, OFFSET, FILE = range(len(TITLES))
_FIGURES = (SHAPE, BITS, SIZE, OFFSET)
_OPEN, _CLOSED = "▾", "▸"


class TensorTableModel(ColumnTable):
    """Rows are positions in ``TensorRows``; a group's heading is its number, negative and from -1 on.

    No QSortFilterProxyModel: it asks Python about every row and comparison, and knows no headings that sum what is
    shown below them. Measured on two cores of an EPYC, a key in the filter / a sorting, with the table in view: of
    2,000 tensors 10 to 26 ms / 25 ms here, 4 to 20 ms / 84 ms by a proxy; of 100,000 12 to 34 ms / 35 ms here, 72 to
    253 ms / 4.3 s by a proxy.
    """

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(TITLES, _FIGURES, parent)
        self._theme = theme
        self._rows: TensorRows | None = None
        self._only: frozenset[int] | None = None
        self._words: list[str] = []
        self._type = ""
        self._grouped = False
        self._closed: set[int] = set()
        self._column = -1
        self._descending = False
        self._matching: list[int] = []
        self._shown: list[int] = []
        self._groups: dict[int, list[int]] = {}
        self._headings: dict[int, Total] = {}  # summed when they come into view
        self._mono = theme.monospace
        self._bold = QFont()
        self._bold.setWeight(QFont.Weight.DemiBold)
        theme.changed.connect(self._restyle)

    # -- what is shown ---------------------------------------------------------------------------

    def set_rows(self, rows: TensorRows | None, only: Iterable[int] | None = None) -> None:
        """Show another model's tensors, or those of them at the positions ``only``."""
        self.beginResetModel()
        self._rows = rows
        self._only = None if only is None else frozenset(only)
        self._closed.clear()
        self._arrange()
        self.endResetModel()

    def set_filter(self, text: str, type_name: str = "") -> None:
        """Show only tensors with every word of ``text`` in name or shape, and of this type ("" for all)."""
        self.beginResetModel()
        self._words, self._type = text.lower().split(), type_name
        self._arrange()
        self.endResetModel()

    def set_grouped(self, grouped: bool) -> None:
        """Put the tensors of a layer below a heading."""
        self.beginResetModel()
        self._grouped = grouped
        self._arrange()
        self.endResetModel()

    def toggle_group(self, row: int) -> None:
        """Open or close the group whose heading is in this row; nothing for other rows."""
        if not (0 <= row < len(self._shown) and self._shown[row] < 0):
            return
        self.beginResetModel()
        self._closed ^= {-1 - self._shown[row]}
        self._spread()
        self.endResetModel()

    def open_group_of(self, position: int) -> None:
        """Open the group that hides a tensor."""
        if self._grouped and self._rows is not None and self._rows.layer_ranks[position] in self._closed:
            self.beginResetModel()
            self._closed.discard(self._rows.layer_ranks[position])
            self._spread()
            self.endResetModel()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Order the rows; -1 is the order of the file. Selections hold."""
        self._column, self._descending = column, order == Qt.SortOrder.DescendingOrder
        self.layoutAboutToBeChanged.emit()
        kept = self.persistentIndexList()
        values = [self._shown[index.row()] for index in kept]
        self._arrange()
        if kept:
            rows = {value: row for row, value in enumerate(self._shown)}
            moved = [self.index(rows[v], i.column()) for v, i in zip(values, kept, strict=True)]
            self.changePersistentIndexList(kept, moved)
        self.layoutChanged.emit()

    @property
    def matching(self) -> Sequence[int]:
        """Positions of the tensors that pass the filter, in order, also those of closed groups."""
        return self._matching

    def position_at(self, row: int) -> int:
        """The tensor in a row; -1 for a heading and outside the table."""
        return self._shown[row] if 0 <= row < len(self._shown) and self._shown[row] >= 0 else -1

    def row_of(self, position: int) -> int:
        """The row of a tensor; -1 when it is not shown."""
        try:
            return self._shown.index(position)
        except ValueError:
            return -1

    def _arrange(self) -> None:
        rows = self._rows
        if rows is None:
            self._matching, self._shown = [], []
            return
        found: Iterable[int] = range(len(rows)) if self._only is None else sorted(self._only)
        if self._type:
            wanted = self._type
            found = [at for at in found if rows.placed[at].tensor.type == wanted]
        for word in self._words:
            found = [at for at in found if word in rows.searchable[at]]
        ordered = list(found)
        key = _sort_key(rows, self._column)
        if key is not None:
            ordered.sort(key=key, reverse=self._descending)
        if self._grouped:
            ordered.sort(key=rows.layer_ranks.__getitem__)
        self._matching = ordered
        self._spread()

    def _spread(self) -> None:
        """Lay the matching rows out, with headings when grouped."""
        rows = self._rows
        self._headings = {}
        if rows is None or not self._grouped:
            self._shown = self._matching
            return
        ranks = rows.layer_ranks
        self._groups = {group: list(members) for group, members in groupby(self._matching, ranks.__getitem__)}
        self._shown = []
        for group, members in self._groups.items():
            self._shown.append(-1 - group)
            if group not in self._closed:
                self._shown += members

    # -- Qt's questions --------------------------------------------------------------------------

    def _count(self) -> int:
        return len(self._shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, alignment, font, colour and tooltip of a cell."""
        if self._rows is None or not index.isValid():
            return None
        value, column = self._shown[index.row()], index.column()
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self.alignment(column)
        if value < 0:
            return self._heading_data(-1 - value, column, role)
        placed = self._rows.placed[value]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return visible_in_place(cell_text(placed.tensor, self._rows.files[placed.file], column))
            case Qt.ItemDataRole.FontRole if column in (NAME, SHAPE, OFFSET):
                return self._mono
            case Qt.ItemDataRole.ForegroundRole if column in (OFFSET, FILE):
                return self._theme.color("text_muted")
            case Qt.ItemDataRole.ToolTipRole:
                return plain_tooltip(_tooltip(placed.tensor, self._rows.files[placed.file], column))
        return None

    def _heading_data(self, group: int, column: int, role: int) -> Any:
        total = self._heading(group)
        if role == Qt.ItemDataRole.FontRole:
            return self._bold
        if role == Qt.ItemDataRole.BackgroundRole:
            return self._theme.color("raised")
        if role == Qt.ItemDataRole.AccessibleTextRole and column == NAME:
            state = "closed" if group in self._closed else "open"
            return tr("{label}, {count} tensors, {state}", label=total.label, count=total.count, state=state)
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        sign = _CLOSED if group in self._closed else _OPEN
        texts = {
            NAME: f"{sign} {total.label}  ({total.count:,})",
            BITS: human_bits(total.bits_per_weight),
            SIZE: human_bytes(total.bytes),
        }
        return texts.get(column, "")

    def _heading(self, group: int) -> Total:
        rows = self._rows
        assert rows is not None
        if group not in self._headings:
            label = rows.group_labels[group]
            (self._headings[group],) = totals((label, rows.tensor(at)) for at in self._groups[group])
        return self._headings[group]

    def _restyle(self) -> None:
        if self._shown:
            last = self.index(len(self._shown) - 1, len(TITLES) - 1)
            roles = [Qt.ItemDataRole.ForegroundRole, Qt.ItemDataRole.BackgroundRole]
            self.dataChanged.emit(self.index(0, 0), last, roles)


def cell_text(tensor: Tensor, file: str, column: int) -> str:
    """What a cell shows, and what is copied."""
    match column:
        case 0:
            return tensor.name
        case 1:
            return shape_text(tensor)
        case 2:
            return tensor.type
        case 3:
            bits = bits_of(tensor)
            return f"{bits:.2f}" if bits else "–"
        case 4:
            size = tensor.size_bytes
            return "–" if size is None else human_bytes(size)
        case 5:
            return f"{tensor.offset:#x}"
    return file


def _tooltip(tensor: Tensor, file: str, column: int) -> str:
    match column:
        case 1:
            experts = expert_note(tensor)
            return tr("{elements:,} weights", elements=tensor.elements) + (f", {experts}" if experts else "")
        case 4 if tensor.size_bytes is not None:
            return tr("{size_bytes:,} bytes", size_bytes=tensor.size_bytes)
        case 5:
            return tr("{offset:,} bytes from the start of the file's tensor data", offset=tensor.offset)
    return cell_text(tensor, file, column) if column in (0, 6) else ""


def _sort_key(rows: TensorRows, column: int) -> Callable[[int], Any] | None:
    placed = rows.placed
    match column:
        case 0:
            return rows.name_ranks.__getitem__
        case 1:
            return rows.elements.__getitem__
        case 2:
            return lambda at: placed[at].tensor.type
        case 3:
            return lambda at: bits_of(placed[at].tensor)
        case 4:
            return rows.sizes.__getitem__
        case 5:
            return lambda at: (placed[at].file, placed[at].tensor.offset)
        case 6:
            return lambda at: placed[at].file
    return None
