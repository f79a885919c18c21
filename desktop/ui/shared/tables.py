"""How every table of the window behaves: whole rows are chosen, and the keyboard passes through it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from desktop.core.words import tr
from desktop.ui.shell.action import WidgetKeys

COPY_ROWS = WidgetKeys(tr("Copy the selected rows"), "tables", (("Ctrl+C", True), ("Ctrl+Ins", True)), shown="Ctrl+C")


class _FocusFilter(QObject):
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Without a current row, let a view believe that the mouse brought the keyboard: then it chooses none."""
        if not isinstance(event, QFocusEvent) or event.type() != QEvent.Type.FocusIn:
            return False
        if not isinstance(watched, QAbstractItemView) or watched.currentIndex().isValid():
            return False
        if event.reason() == Qt.FocusReason.MouseFocusReason:
            return False
        watched.focusInEvent(QFocusEvent(QEvent.Type.FocusIn, Qt.FocusReason.MouseFocusReason))
        return True


def choose_by_hand_only(view: QAbstractItemView) -> None:
    """No row becomes the current one because the keyboard comes to a view, as when a focused button hides itself.

    Qt would take the first row, and what acts on the current row would act on one that nobody chose.
    """
    view.installEventFilter(_FocusFilter(view))


def set_up_table(table: QTableView, name: str, title: str, *, row_height: int = 0, several: bool = False) -> None:
    """Name a table and set what all have in common; ``title`` is for screen readers.

    ``row_height`` in pixels is that of every row; 0 lets texts wrap, and the caller says how high rows are.
    ``several`` rows can be selected together, to be copied.
    """
    modes = QAbstractItemView.SelectionMode
    table.setObjectName(name)
    table.setAccessibleName(title)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(modes.ExtendedSelection if several else modes.SingleSelection)
    choose_by_hand_only(table)
    table.setTabKeyNavigation(False)  # Tab leaves the table, arrows move in it
    table.setShowGrid(False)
    table.setWordWrap(not row_height)
    table.horizontalHeader().setHighlightSections(False)
    rows = table.verticalHeader()
    rows.hide()
    if row_height:
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)  # never measured: 262,144 rows stay quick
        rows.setDefaultSectionSize(row_height)
