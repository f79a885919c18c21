"""The view of the tensor table: columns, keyboard, copying, and a selection given and taken by position."""

from __future__ import annotations

from PySide6.QtCore import QItemSelection, QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFontMetrics, QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableView, QWidget

from desktop.core.words import tr
from desktop.ui.inspect.actions import TABLE_KEYS
from desktop.ui.inspect.tensor_model import BITS, FILE, NAME, OFFSET, SHAPE, TITLES, TensorTableModel
from desktop.ui.inspect.tensor_rows import TensorRows
from desktop.ui.shared.spared_columns import SparedColumns
from desktop.ui.shared.tables import COPY_ROWS, set_up_table
from desktop.ui.shell.keys import answer, listed_keys

_ROW_HEIGHT = 30
_WIDTHS = (260, 110, 78, 98, 88, 118, 160)
_SHAPE_WIDTHS = (110, 200)
_LEAST_NAME = 150  # pixels; its middle is left out
_SIDES = 24  # pixels of a cell beside its text


class TensorTable(QTableView):
    """Rows may be selected together for copying; the current one is the tensor that is looked at."""

    chosen = Signal(int)  # position of the current tensor, chosen by hand

    def __init__(self, model: TensorTableModel, name: str, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._quiet = False
        set_up_table(self, name, title, row_height=_ROW_HEIGHT, several=True)
        self.setModel(model)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        header = self.horizontalHeader()
        header.setMinimumSectionSize(60)
        for column, width in enumerate(_WIDTHS):
            self.setColumnWidth(column, width)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)  # the order of the file
        self.setSortingEnabled(True)
        self._spared = SparedColumns(self, NAME, _LEAST_NAME, (FILE, OFFSET, BITS, SHAPE))
        self.clicked.connect(lambda index: model.toggle_group(index.row()))

    def fit(self, rows: TensorRows) -> None:
        """Columns as these tensors need them: room for their shapes, and the file only where there are several."""
        if not self._spared.is_spared(FILE) or len(rows.files) <= 1:
            self.setColumnHidden(FILE, len(rows.files) <= 1)
        least, most = _SHAPE_WIDTHS
        font = self._model.index(0, SHAPE).data(Qt.ItemDataRole.FontRole) or self.font()
        wanted = QFontMetrics(font).horizontalAdvance(rows.longest_shape) + _SIDES
        if not self._spared.is_spared(SHAPE):
            self.setColumnWidth(SHAPE, min(max(least, wanted), most))
        self._spared.fit()

    def height_of(self, rows: int) -> int:
        """Pixels that so many rows and the titles take."""
        return self.horizontalHeader().sizeHint().height() + rows * _ROW_HEIGHT + 2 * self.frameWidth()

    def select(self, position: int) -> None:
        """Make a tensor's row the current one when it is shown; quietly. -1 for none."""
        if position >= 0 and position == self._model.position_at(self.currentIndex().row()):
            return
        row = self._model.row_of(position) if position >= 0 else -1
        self._quiet = True
        if row >= 0:
            self.setCurrentIndex(self._model.index(row, NAME))
            self.scrollTo(self.currentIndex())
        else:
            self.clearSelection()
        self._quiet = False

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        """Tell which tensor is looked at."""
        super().selectionChanged(selected, deselected)
        position = self._model.position_at(self.currentIndex().row())
        if position >= 0 and not self._quiet and self.selectionModel().hasSelection():
            self.chosen.emit(position)

    def copy_selection(self) -> None:
        """Put the selected rows into the clipboard, a line each, columns separated by tabs, in the order shown."""
        every = range(len(TITLES))
        columns = [c for c in every if not self.isColumnHidden(c) or self._spared.is_spared(c)]
        rows = sorted({index.row() for index in self.selectionModel().selectedRows()})
        lines = [[TITLES[column] for column in columns]]
        for row in rows:
            if self._model.position_at(row) >= 0:
                lines.append([str(self._model.index(row, column).data()) for column in columns])
        QGuiApplication.clipboard().setText("\n".join("\t".join(line) for line in lines) + "\n")

    def copy_name(self) -> None:
        """Put the current tensor's name into the clipboard."""
        QGuiApplication.clipboard().setText(str(self.currentIndex().siblingAtColumn(NAME).data() or ""))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy rows, go to the first and last one, open and close a group."""
        row = self.currentIndex().row()
        if answer(event, COPY_ROWS):
            self.copy_selection()
            return
        match answer(event, TABLE_KEYS):
            case "first":
                self.setCurrentIndex(self._model.index(0, NAME))
            case "last":
                self.setCurrentIndex(self._model.index(self._model.rowCount() - 1, NAME))
            case "toggle" if self._model.position_at(row) < 0 <= row:
                self._model.toggle_group(row)
                self.setCurrentIndex(self._model.index(row, NAME))
            case _:
                super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Copying, by mouse or by the menu key."""
        index = self.currentIndex()
        if self._model.position_at(index.row()) < 0:
            return
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        below = self.viewport().mapToGlobal(self.visualRect(index).bottomLeft())
        self._popup(below if by_key else event.globalPos())

    def _popup(self, where: QPoint) -> None:
        menu = QMenu(self)
        menu.setObjectName(f"{self.objectName()}Menu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(tr("Copy rows\t{copy_rows}", copy_rows=listed_keys(COPY_ROWS)), self.copy_selection)
        menu.addAction(tr("Copy name"), self.copy_name)
        menu.popup(where)
