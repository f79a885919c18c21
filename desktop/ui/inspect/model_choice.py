"""The models of a folder or repo, to choose one to look into."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QTableView, QVBoxLayout, QWidget

from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.services.inspect.inspection import ModelEntry
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.spared_columns import SparedColumns
from desktop.ui.shared.tables import set_up_table
from desktop.ui.shared.text_table_model import TextRow, TextTableModel

_TITLES = (tr("File"), tr("Format"), tr("Quantization"), tr("Size"), tr("Note"))
_SIZE = 3
_FORMAT, _NOTE = 1, 4
_WIDTHS = {1: 100, 2: 120, 3: 90, 4: 220}  # the name has what these leave
_LEAST_NAME = 220
_ROW_HEIGHT = 30


class ModelChoice(QWidget):
    """A table; double-click, Enter or the button choose a row."""

    chosen = Signal(str)  # a source of the inspection service

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: Sequence[ModelEntry] = ()
        self._model = TextTableModel({_SIZE}, self)
        self._table = QTableView()
        set_up_table(self._table, "inspectModels", tr("Model files to choose from"), row_height=_ROW_HEIGHT)
        self._table.setModel(self._model)
        self._table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        header = self._table.horizontalHeader()
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setSortIndicatorClearable(True)
        self._table.setSortingEnabled(True)
        self._spared = SparedColumns(self._table, 0, _LEAST_NAME, (_NOTE, _FORMAT))
        self._open = push_button(
            tr("Inspect"), "inspectModelOpen", spoken=tr("Look into the chosen file"), role="primary"
        )
        self._open.clicked.connect(lambda: self._choose(self._table.currentIndex()))
        self._table.activated.connect(self._choose)
        row = QHBoxLayout()
        row.addWidget(self._open)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 10, 0, 0)
        column.setSpacing(10)
        column.addWidget(self._table, 1)
        column.addLayout(row)
        self.setFocusProxy(self._table)

    def set_entries(self, entries: Sequence[ModelEntry]) -> None:
        """Show these, the first one chosen."""
        self._entries = entries
        self._model.set_rows(_TITLES, [_row(entry, number) for number, entry in enumerate(entries)])
        header = self._table.horizontalHeader()
        for column, width in _WIDTHS.items():
            self._table.setColumnWidth(column, width)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._table.setColumnHidden(_NOTE, not any(entry.note for entry in entries))
        self._spared.fit()
        self._table.selectRow(0)
        self._open.setEnabled(bool(entries))

    def _choose(self, index: QModelIndex) -> None:
        row = self._model.at(index.row())
        if row is not None:
            self.chosen.emit(self._entries[row.tag].source)


def _row(entry: ModelEntry, number: int) -> TextRow:
    name = entry.name + (tr(" ({files} files)", files=entry.files) if entry.files > 1 else "")
    texts = (name, entry.format, entry.quantization or "–", human_bytes(entry.size_bytes), entry.note)
    keys = (entry.name.lower(), entry.format, entry.quantization, entry.size_bytes, entry.note)
    return TextRow(texts, keys, (entry.source, "", "", "", entry.note), number)
