"""Number formats by device: one row per format, one column per device, and its sentence where there is one only."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Qt

from desktop.core.hardware import FormatSupport, Machine
from desktop.core.words import tr
from desktop.services.machine.report import format_matrix, support_in_words
from desktop.ui.shared.column_table import ColumnTable, Index
from desktop.ui.shell.theme import Theme

# A filled, a half and an empty disc say the same as the colour and the word.
_SHOWN = {"native": ("●", "good"), "converted": ("◐", "warn"), "none": ("○", "text_muted")}
_FIXED = (tr("Format"), tr("Bits"))
_MEANING = tr("What it means")


class FormatTableModel(ColumnTable):
    """Immutable rows, replaced whole when another machine is shown."""

    def __init__(self, theme: Theme, bits: dict[str, float], parent: QObject | None = None) -> None:
        """``bits`` are the bits per weight of each format's name."""
        super().__init__(_FIXED, (1,), parent)
        self._theme = theme
        self._bits = bits
        self._rows: tuple[tuple[str, tuple[FormatSupport | None, ...]], ...] = ()
        theme.changed.connect(self._repaint)

    def set_machine(self, machine: Machine) -> None:
        """Show another machine's devices."""
        self.beginResetModel()
        devices, self._rows = format_matrix(machine.number_formats)
        self._titles = (*_FIXED, *devices, *([_MEANING] if len(devices) == 1 else []))
        self.endResetModel()

    @property
    def explains(self) -> bool:
        """Whether the last column says what it means, as there is room for where there is one device."""
        return self._titles[-1] == _MEANING

    def format_at(self, row: int) -> str:
        """Name of the format in a row; empty outside the table."""
        return self._rows[row][0] if 0 <= row < len(self._rows) else ""

    def support_at(self, row: int) -> tuple[FormatSupport, ...]:
        """What each device makes of the format in a row."""
        return tuple(c for c in self._rows[row][1] if c is not None) if 0 <= row < len(self._rows) else ()

    def _count(self) -> int:
        return len(self._rows)

    def _title_tip(self, column: int) -> str | None:
        return self._titles[column]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Words, colours and tooltips of a cell."""
        name, cells = self._rows[index.row()]
        column = index.column()
        if column < len(_FIXED):
            if role == Qt.ItemDataRole.DisplayRole:
                return name if column == 0 else f"{self._bits.get(name, 0):g}"
            if role == Qt.ItemDataRole.TextAlignmentRole and column == 1:
                return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            return None
        meaning = self._titles[column] == _MEANING
        cell = cells[0] if meaning else cells[column - len(_FIXED)]
        if cell is not None and meaning and role == Qt.ItemDataRole.DisplayRole:
            return cell.note
        if cell is not None and meaning and role == Qt.ItemDataRole.ForegroundRole:
            return None
        if cell is None:
            return tr("unknown") if role == Qt.ItemDataRole.DisplayRole else None
        sign, token = _SHOWN[cell.support]
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{sign} {support_in_words(cell)}"
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._theme.color(token)
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{cell.note}\n{cell.source}"
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return tr(
                "{name} on {device}: {cell}. {note}",
                name=name,
                device=cell.device,
                cell=support_in_words(cell),
                note=cell.note,
            )
        return None

    def _repaint(self) -> None:
        if self._rows:
            last = self.index(len(self._rows) - 1, self.columnCount() - 1)
            self.dataChanged.emit(self.index(0, 0), last, [Qt.ItemDataRole.ForegroundRole])
