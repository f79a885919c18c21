"""Number formats of a machine: the table by device, and the chosen format with its bits, range and sentences."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from desktop.core.hardware import FormatSupport, Machine
from desktop.core.number_formats import NumberFormat
from desktop.core.words import tr
from desktop.services.machine.report import support_in_words
from desktop.ui.machine.bit_layout import BitLayout
from desktop.ui.machine.format_model import FormatTableModel
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.tables import set_up_table
from desktop.ui.shell.theme import Theme, set_role

_ROW_HEIGHT = 28
_DEVICE_WIDTH = 150


def figure(value: float) -> str:
    """A limit as people read it: whole numbers with separators, others with three digits."""
    if abs(value) < 1e7 and value == int(value):
        return f"{int(value):,}"
    return f"{value:.3g}" if 1e-3 <= abs(value) < 1e7 else f"{value:.2e}"


def range_in_words(number: NumberFormat) -> str:
    """Range and precision of one element in a sentence."""
    if number.is_integer:
        return tr(
            "{min_value} to {max_value} in whole steps, times the block's scale.",
            min_value=figure(number.min_value),
            max_value=figure(number.max_value),
        )
    words = tr(
        "Up to ±{max_value}, smallest normal {min_normal}, ",
        max_value=figure(number.max_value),
        min_normal=figure(number.min_normal),
    )
    return words + tr(
        "{decimal_digits:.1f} decimal digits (steps of {epsilon} at 1).",
        decimal_digits=number.decimal_digits,
        epsilon=figure(number.epsilon),
    )


def sentences(support: Sequence[FormatSupport]) -> list[str]:
    """What each device does with a format; devices that do the same share a sentence."""
    devices: dict[tuple[str, str], list[str]] = {}
    for row in support:
        devices.setdefault((support_in_words(row), row.note), []).append(row.device)
    return [f"{', '.join(names)}: {words}. {note}" for (words, note), names in devices.items()]


class FormatPanel(QWidget):
    """Table left, details right; the selected row decides what the details show."""

    def __init__(self, theme: Theme, formats: Sequence[NumberFormat], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._formats = {number.name: number for number in formats}
        self.model = FormatTableModel(theme, {n.name: n.bits_per_weight for n in formats}, self)
        self.table = self._build_table()
        self.details = FormatDetails(theme)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(self.table, 3)
        row.addWidget(self.details, 2)
        self.table.selectionModel().currentRowChanged.connect(self._chosen)

    def set_machine(self, machine: Machine) -> None:
        """Show another machine and keep the chosen format."""
        row = max(0, self.table.currentIndex().row())
        self.model.set_machine(machine)
        header = self.table.horizontalHeader()
        for column in range(2, self.model.columnCount()):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
            self.table.setColumnWidth(column, _DEVICE_WIDTH)
        header.setStretchLastSection(not self.model.explains)  # it would never make the last one narrower
        if self.model.explains:  # a sentence ends in "…" rather than beyond the edge; its tooltip has all of it
            header.setSectionResizeMode(self.model.columnCount() - 1, QHeaderView.ResizeMode.Stretch)
        if self.model.rowCount():
            self.table.selectRow(min(row, self.model.rowCount() - 1))

    def _build_table(self) -> QTableView:
        table = QTableView()
        set_up_table(table, "machineFormats", tr("Number formats by device"), row_height=_ROW_HEIGHT)
        table.setModel(self.model)
        table.horizontalHeader().setTextElideMode(Qt.TextElideMode.ElideMiddle)
        table.setColumnWidth(0, 110)
        table.setColumnWidth(1, 56)
        table.setMinimumHeight(_ROW_HEIGHT * (len(self._formats) + 1) + 16)
        return table

    def _chosen(self, current: QModelIndex, _previous: QModelIndex) -> None:
        name = self.model.format_at(current.row())
        if name in self._formats:
            self.details.show_format(self._formats[name], self.model.support_at(current.row()))


class FormatDetails(QFrame):
    """One format: bits, range, precision, and what each device does with it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("machineFormatDetails")
        self.setAccessibleName(tr("Chosen number format"))
        set_role(self, "card")
        self._name = plain_label("machineFormatName", "subtitle", selectable=True)
        self._title = plain_label("machineFormatTitle", "muted", selectable=True)
        self.layout_view = BitLayout(theme)
        self._range = plain_label("machineFormatRange", selectable=True)
        self._stored = plain_label("machineFormatStored", "muted", selectable=True)
        self._devices = plain_label("machineFormatDevices", selectable=True)
        self._source = plain_label("machineFormatSource", "muted", selectable=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(6)
        for widget in (self._name, self._title):
            column.addWidget(widget)
        column.addSpacing(4)
        column.addWidget(self.layout_view)
        for widget in (self._range, self._stored):
            column.addWidget(widget)
        column.addSpacing(6)
        column.addWidget(self._devices)
        column.addStretch(1)
        column.addWidget(self._source)

    def show_format(self, number: NumberFormat, support: Sequence[FormatSupport]) -> None:
        """Fill in a format and its rows."""
        self._name.setText(number.name)
        self._title.setText(number.title)
        self.layout_view.set_format(number)
        self._range.setText(range_in_words(number))
        types = ", ".join(number.gguf_types)
        bits = tr("{bits_per_weight:g} bits per weight", bits_per_weight=number.bits_per_weight)
        self._stored.setText(
            tr("In GGUF files as {types}; {bits}.", types=types, bits=bits)
            if types
            else tr("Not stored in GGUF files.")
        )
        self._devices.setText("\n\n".join(sentences(support)))
        sources = dict.fromkeys([number.source, *(row.source for row in support)])
        self._source.setText(tr("Sources: ") + " · ".join(sources))
