"""A document's text in a window of its own, read only, at the place that an answer names."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QGuiApplication, QPalette, QTextCursor, QTextFormat
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QPushButton, QTextEdit, QVBoxLayout, QWidget

from desktop.core.documents.parts import part_of, part_starts
from desktop.core.documents.prompt import place_words
from desktop.core.documents.text import DocumentText
from desktop.core.text import bounded, visible_in_place
from desktop.core.words import tr
from desktop.services.documents.words import length_words
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.reflow import resize_dialog

_SIZE = QSize(760, 620)


class DocumentWindow(QDialog):
    """Shows one part of the document after the other; the place is that of the cursor, which the keyboard moves."""

    def __init__(self, name: str, document: DocumentText, parent: QWidget) -> None:
        super().__init__(parent)
        self._document = document
        self._starts = part_starts(document)
        self._part = -1
        self._marked: tuple[int, int] | None = None
        self.setObjectName("documentWindow")
        self.setWindowTitle(visible_in_place(name))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._text = QPlainTextEdit()
        self._text.setObjectName("documentText")
        self._text.setAccessibleName(tr("Text of {name}", name=visible_in_place(name)))
        self._text.setReadOnly(True)
        self._text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._text.setTabChangesFocus(True)
        self._place = plain_label("documentPlace", "muted", "")
        self._earlier = push_button(
            tr("Earlier"), "documentEarlier", tr("The part before this"), spoken=tr("Show the part before")
        )
        self._later = push_button(
            tr("Later"), "documentLater", tr("The part after this"), spoken=tr("Show the part after this")
        )
        self._copy = push_button(
            tr("Copy all"), "documentCopy", tr("Copy the whole text"), spoken=tr("Copy the text of the document")
        )
        self._close = push_button(tr("Close"), "documentClose", tr("Close (Esc)"), spoken=tr("Close the document"))
        self._build()
        self._text.cursorPositionChanged.connect(self._tell_place)
        self._earlier.clicked.connect(lambda: self._show_part(self._part - 1))
        self._later.clicked.connect(lambda: self._show_part(self._part + 1))
        self._copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(document.text))
        self._close.clicked.connect(self.close)
        self._show_part(0)

    def show_place(self, start: int, end: int) -> None:
        """Show a passage, from one character of the text to another, and mark its lines."""
        self._marked = (start, end)
        self._show_part(part_of(self._starts, start))
        self._move_to(start)

    def _build(self) -> None:
        about = ElidedLabel(length_words(self._document))
        about.setObjectName("documentAbout")
        head = QHBoxLayout()
        head.addWidget(about, 1)
        head.addWidget(self._place)
        row = QHBoxLayout()
        buttons: tuple[QPushButton, ...] = (self._earlier, self._later)
        for button in buttons:
            row.addWidget(button)
            button.setVisible(len(self._starts) > 1)
        row.addStretch(1)
        row.addWidget(self._copy)
        row.addWidget(self._close)
        column = QVBoxLayout(self)
        column.addLayout(head)
        column.addWidget(self._text, 1)
        column.addLayout(row)
        resize_dialog(self, _SIZE)
        self._text.setFocus()

    def _bounds(self) -> tuple[int, int]:
        following = self._part + 1
        end = self._starts[following] if following < len(self._starts) else len(self._document.text)
        return self._starts[self._part], end

    def _show_part(self, number: int) -> None:
        if number != self._part:
            self._part = number
            start, end = self._bounds()
            self._text.setPlainText(bounded(self._document.text[start:end].removesuffix("\n")))
        for button, possible in ((self._earlier, number > 0), (self._later, number + 1 < len(self._starts))):
            if not possible and self.focusWidget() is button:
                self._text.setFocus()
            button.setEnabled(possible)
        self._mark()
        self._tell_place()

    def _line(self, offset: int) -> int:
        """The line of the part in view, from 0, in which a character of the document is."""
        start, end = self._bounds()
        return self._document.text.count("\n", start, min(max(start, offset), end))

    def _move_to(self, offset: int) -> None:
        cursor = QTextCursor(self._text.document().findBlockByNumber(self._line(offset)))
        self._text.setTextCursor(cursor)
        self._text.centerCursor()

    def _mark(self) -> None:
        """Lines of the passage stand out, and the first of them has the cursor."""
        marks: list[QTextEdit.ExtraSelection] = []
        if self._marked is not None:
            start, end = self._bounds()
            first, last = self._marked
            if first < end and last > start:
                for number in range(self._line(first), self._line(last - 1) + 1):
                    selection = QTextEdit.ExtraSelection()
                    selection.cursor = QTextCursor(self._text.document().findBlockByNumber(number))
                    color = self.palette().color(QPalette.ColorRole.Highlight)
                    color.setAlpha(60)
                    selection.format.setBackground(color)
                    selection.format.setProperty(QTextFormat.Property.FullWidthSelection, True)
                    marks.append(selection)
        self._text.setExtraSelections(marks)

    def _tell_place(self) -> None:
        start, _ = self._bounds()
        line = self._text.textCursor().blockNumber()
        offset = start
        for _ in range(line):
            offset = self._document.text.find("\n", offset) + 1
        words = place_words(self._document.paging, self._document.place(offset))
        self._place.setText(words[:1].upper() + words[1:])
