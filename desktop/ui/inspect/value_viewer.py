"""A metadata value whole: a string as text, a long array in pages that are read when they are looked at."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from desktop.core.errors import HeftError
from desktop.core.gguf import Array
from desktop.core.text import bounded
from desktop.core.words import tr
from desktop.services.inspect.metadata import PAGE, MetadataRow, lines, whole
from desktop.ui.shared.buttons import explained_button
from desktop.ui.shared.tables import COPY_ROWS
from desktop.ui.shell.keys import listed_keys
from desktop.ui.shell.tasks import Lane, Task, Tasks
from desktop.ui.shell.theme import Theme, set_role


class ValueViewer(QWidget):
    """Shows one entry's value. Reading and copying go through Tasks: an array may have a million elements."""

    notify = Signal(object)

    def __init__(self, theme: Theme, tasks: Tasks, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspectValueViewer")
        self._tasks = tasks
        self._row: MetadataRow | None = None
        self._first = 0
        self._wanted_line = -1  # of the page that is being read
        self._reading: Task | None = None
        self._text = QPlainTextEdit()
        self._text.setObjectName("inspectValueText")
        self._text.setAccessibleName(tr("Value"))
        self._text.setReadOnly(True)
        self._text.setFont(theme.monospace)
        self._text.setTabChangesFocus(True)
        self._where = QLabel()
        self._where.setObjectName("inspectValuePage")
        set_role(self._where, "muted")
        self._back = explained_button("◀", "inspectValueBack", tr("Values before these"))
        self._back.clicked.connect(lambda: self._go(self._first - PAGE))
        self._on = explained_button("▶", "inspectValueNext", tr("Values after these"))
        self._on.clicked.connect(lambda: self._go(self._first + PAGE))
        self._index = QLineEdit()
        self._index.setObjectName("inspectValueIndex")
        self._index.setAccessibleName(tr("Go to an index"))
        self._index.setPlaceholderText(tr("Go to index…"))
        self._index.setMaximumWidth(120)
        self._index.returnPressed.connect(self._go_to_index)
        tip = tr("Copy the whole value ({copy_rows} in the table)", copy_rows=listed_keys(COPY_ROWS))
        self._copy = explained_button(tr("Copy value"), "inspectValueCopy", tip)
        self._copy.clicked.connect(self.copy)
        foot = QHBoxLayout()
        for widget in (self._back, self._on, self._index):
            foot.addWidget(widget)
        foot.addWidget(self._where, 1)
        foot.addWidget(self._copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._text, 1)
        column.addLayout(foot)
        self.show_row(None)

    def show_row(self, row: MetadataRow | None) -> None:
        """Show this entry's value from its beginning; None shows nothing."""
        self._row = row
        paged = row is not None and (row.length or 0) > PAGE
        for widget in (self._back, self._on, self._index):
            widget.setVisible(paged)
        self._copy.setEnabled(row is not None)
        self._where.setText("")
        self._text.clear()
        self._index.clear()
        if row is not None:
            self._go(0)
        elif self._reading is not None:
            self._reading.cancel()

    def copy(self) -> None:
        """Put the whole value into the clipboard, read in the background."""
        row = self._row
        if row is None:
            return

        def copied(text: str) -> None:
            QGuiApplication.clipboard().setText(text)
            self.notify.emit(
                tr("The value of {key} is in the clipboard ({text:,} characters).", key=row.key, text=len(text))
            )

        self._tasks.run(
            lambda context: whole(row.value), done=copied, failed=self.notify.emit, lane=Lane.JOB, owner=self
        )

    def _go(self, first: int) -> None:
        row = self._row
        if row is None:
            return
        if self._reading is not None:
            self._reading.cancel()
        array = row.value.data
        if not isinstance(array, Array):
            self._reading = self._tasks.run(
                lambda context: whole(row.value),
                done=self._show_text,
                failed=self._show_failure,
                lane=Lane.JOB,
                owner=self,
            )
            return
        start = max(0, min(first, (len(array) - 1) // PAGE * PAGE))
        stop = min(start + PAGE, len(array))

        def read(context: object) -> str:
            return "\n".join(f"{start + number:>9,}  {line}" for number, line in enumerate(lines(array, start, stop)))

        def show(text: str) -> None:
            self._first = start
            self._show_text(text)
            if len(array) > PAGE:
                self._where.setText(tr("{start:,}–{stop:,} of {array:,}", start=start, stop=stop - 1, array=len(array)))
            self._back.setEnabled(start > 0)
            self._on.setEnabled(stop < len(array))

        self._reading = self._tasks.run(read, done=show, failed=self._show_failure, lane=Lane.JOB, owner=self)

    def _go_to_index(self) -> None:
        digits = "".join(c for c in self._index.text() if c.isdecimal())
        if self._row is None or not digits:
            return
        wanted = min(int(digits[:18]), (self._row.length or 1) - 1)
        self._wanted_line = wanted % PAGE  # pages start at multiples of PAGE
        self._go(wanted // PAGE * PAGE)

    def _show_text(self, text: str) -> None:
        self._reading = None
        self._text.setPlainText(bounded(text))
        if self._wanted_line >= 0:
            cursor = self._text.textCursor()
            cursor.setPosition(self._text.document().findBlockByNumber(self._wanted_line).position())
            cursor.select(cursor.SelectionType.LineUnderCursor)
            self._text.setTextCursor(cursor)
            self._text.centerCursor()
            self._wanted_line = -1

    def _show_failure(self, error: HeftError) -> None:
        self._reading = None
        self._text.setPlainText(f"{error.message}\n{error.hint}")
