"""The library's table view: keyboard, context menu position, and a selection that survives new rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QItemSelection, QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from desktop.core.words import tr
from desktop.services.models.library import LibraryModel
from desktop.ui.library.actions import CHAT, REMOVE
from desktop.ui.library.columns import ARCHITECTURE, LAST_USED, NAME, PARAMETERS, WHERE
from desktop.ui.library.library_model import LibraryTableModel
from desktop.ui.shared.tables import set_up_table
from desktop.ui.shell.keys import matches

ROW_HEIGHT = 36
COLUMN_WIDTHS = (320, 118, 104, 114, 84, 152, 120, 116, 116)
_LEAST_NAME = 220  # pixels; columns that the strip below tells too are left out rather than cut a name further
_SPARED = (ARCHITECTURE, LAST_USED, WHERE, PARAMETERS)


class LibraryTable(QTableView):
    """One row is always current while there are rows, so that the actions have something to act on."""

    model_changed = Signal()  # another model is current, or its facts changed
    chat_asked = Signal()
    remove_asked = Signal()
    menu_asked = Signal(QPoint)  # global position

    def __init__(self, model: LibraryTableModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = model
        self._current_id = ""
        self._asked: Path | None = None  # a file whose model is to be selected
        set_up_table(self, "libraryTable", tr("Models on this computer"), row_height=ROW_HEIGHT)
        self.setModel(model)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # a name's end tells variants, and same names, apart
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        header = self.horizontalHeader()
        header.setMinimumSectionSize(70)
        for column, width in enumerate(COLUMN_WIDTHS):
            self.setColumnWidth(column, width)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        self.setSortingEnabled(True)
        self.sortByColumn(NAME, Qt.SortOrder.AscendingOrder)
        model.modelReset.connect(self._restore)
        model.filtered.connect(self._restore)
        for signal in (model.rowsInserted, model.rowsRemoved):
            signal.connect(self._changed)
        model.dataChanged.connect(self.model_changed)
        self.doubleClicked.connect(self.chat_asked)

    @property
    def current_model(self) -> LibraryModel | None:
        """The model of the current row."""
        return self._rows.at(self.currentIndex().row())

    def select(self, model_id: str) -> None:
        """Make a model's row the current one and bring it into view, when it is shown."""
        row = self._rows.row_of(model_id)
        if row >= 0:
            self.setCurrentIndex(self._rows.index(row, NAME))
            self.scrollTo(self.currentIndex())

    def show_file(self, path: Path) -> None:
        """Select the model of a file, now or after the next search."""
        self._asked = path
        self._select_file(self._rows.models)

    def select_after_search(self, models: Sequence[LibraryModel], *, first: bool) -> None:
        """The model that was asked for; else, after the ``first`` search, the one that was used last."""
        if self._asked is not None:
            self._select_file(models)
            self._asked = None
        elif first and (used := [model for model in models if model.last_used is not None]):
            self.select(max(used, key=lambda model: model.last_used or 0.0).id)

    def _select_file(self, models: Sequence[LibraryModel]) -> None:
        for model in models:
            if self._asked in model.files:
                self.select(model.id)

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        """Remember which model is current, by its id."""
        super().selectionChanged(selected, deselected)
        if self._rows.filtering:  # Qt moves on from rows that a filter hides: it is told when that is over
            return
        model = self.current_model
        if model is not None:
            self._current_id = model.id
        self.model_changed.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A narrow window leaves columns out."""
        super().resizeEvent(event)
        needed = sum(COLUMN_WIDTHS[NAME + 1 :]) + _LEAST_NAME
        for column in _SPARED:
            self.setColumnHidden(column, needed > event.size().width())
            needed -= COLUMN_WIDTHS[column] if needed > event.size().width() else 0

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter chats, Delete removes; the rest is the table's own."""
        if matches(event, CHAT):
            self.chat_asked.emit()
        elif matches(event, REMOVE):
            self.remove_asked.emit()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """The menu of the row below the mouse, or of the current one when asked by keyboard."""
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            where = self.viewport().mapToGlobal(self.visualRect(self.currentIndex()).bottomLeft())
        else:
            where = event.globalPos()
            if not self.indexAt(self.viewport().mapFromGlobal(where)).isValid():
                return
        if self.current_model is not None:
            self.menu_asked.emit(where)

    def _changed(self) -> None:
        """Rows came or went by themselves."""
        if not self._rows.filtering:
            self._restore()

    def _restore(self) -> None:
        row = max(0, self._rows.row_of(self._current_id)) if self._current_id else 0
        index: QModelIndex = self._rows.index(row, NAME)
        if index.isValid():
            wanted = self._current_id
            self.setCurrentIndex(index)
            # A filter that hides the model does not forget it: it is current again when it comes back.
            self._current_id = wanted or self._current_id
        self.model_changed.emit()
