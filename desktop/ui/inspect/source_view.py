"""Source text to read: line numbers, colours, and lines marked by what was found in them."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent, QSyntaxHighlighter, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QWidget

from desktop.core.findings import Severity
from desktop.core.text import bounded
from desktop.ui.shell.theme import Theme

Lines = list[list[tuple[int, int, str]]]  # per line: start and length in code points, token of the theme

SIGNS: Mapping[Severity, str] = {"error": "✖", "warning": "⚠", "note": "ℹ"}
SURFACES: Mapping[Severity, str] = {"error": "bad_surface", "warning": "warn_surface", "note": "raised"}
INKS: Mapping[Severity, str] = {"error": "bad", "warning": "warn", "note": "text_muted"}


class SourceView(QPlainTextEdit):
    """Read-only, and of a very long line its beginning only: what is copied comes from the source itself.

    ``set_source`` takes the colours too, made elsewhere: nothing is parsed here.
    """

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setFont(theme.monospace)
        self.setTabChangesFocus(True)
        self.setTabStopDistance(4 * self.fontMetrics().horizontalAdvance(" "))
        self._theme = theme
        self._marks: dict[int, Severity] = {}
        self._margin = _Margin(self)
        self._colours = _Colours(theme, self)
        self.updateRequest.connect(self._scrolled)
        theme.changed.connect(self._restyle)

    def set_source(self, text: str, colours: Lines, marks: Mapping[int, Severity]) -> None:
        """Show ``text`` in ``colours``; ``marks`` are lines from 1."""
        self._marks = dict(marks)
        self._colours.lines = colours
        self.setPlainText(bounded(text))
        width = self.margin_width
        self.setViewportMargins(width, 0, 0, 0)
        self._mark()

    def show_line(self, number: int) -> None:
        """Bring a line, from 1, into view and put the cursor there."""
        block = self.document().findBlockByNumber(number - 1)
        if block.isValid():
            cursor = self.textCursor()
            cursor.setPosition(block.position())
            self.setTextCursor(cursor)
            self.centerCursor()

    @property
    def margin_width(self) -> int:
        """Room for the line numbers and a sign."""
        digits = len(str(max(1, self.blockCount())))
        return self.fontMetrics().horizontalAdvance("9" * digits) + 34

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The margin is as high as the text."""
        super().resizeEvent(event)
        inside = self.contentsRect()
        self._margin.setGeometry(QRect(inside.left(), inside.top(), self.margin_width, inside.height()))

    def paint_margin(self, event: QPaintEvent) -> None:
        """Numbers of the lines in view, and the signs of marked ones."""
        painter = QPainter(self._margin)
        painter.fillRect(event.rect(), self._theme.color("code_background"))
        painter.setFont(self.font())
        block = self.firstVisibleBlock()
        top = round(self.blockBoundingGeometry(block).translated(self.contentOffset()).top())
        while block.isValid() and top <= event.rect().bottom():
            height = round(self.blockBoundingRect(block).height())
            severity = self._marks.get(block.blockNumber() + 1)
            row = QRect(0, top, self._margin.width() - 8, self.fontMetrics().height())
            painter.setPen(self._theme.color(INKS[severity] if severity else "text_muted"))
            painter.drawText(row, Qt.AlignmentFlag.AlignRight, str(block.blockNumber() + 1))
            if severity:
                painter.drawText(row.adjusted(4, 0, 0, 0), Qt.AlignmentFlag.AlignLeft, SIGNS[severity])
            block, top = block.next(), top + height

    def _scrolled(self, rect: QRect, pixels: int) -> None:
        if pixels:
            self._margin.scroll(0, pixels)
        else:
            self._margin.update(0, rect.y(), self._margin.width(), rect.height())
        inside = self.contentsRect()
        self._margin.setGeometry(QRect(inside.left(), inside.top(), self.margin_width, inside.height()))

    def _mark(self) -> None:
        selections = []
        for line, severity in self._marks.items():
            block = self.document().findBlockByNumber(line - 1)
            if block.isValid():
                selection = QTextEdit.ExtraSelection()
                selection.format.setBackground(self._theme.color(SURFACES[severity]))
                selection.format.setProperty(QTextCharFormat.Property.FullWidthSelection, True)
                cursor = self.textCursor()
                cursor.setPosition(block.position())
                cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)  # if wrapped
                selection.cursor = cursor
                selections.append(selection)
        self.setExtraSelections(selections)

    def _restyle(self) -> None:
        self._colours.rehighlight()
        self._mark()
        self._margin.update()


class _Margin(QWidget):
    """The strip at the left; its owner paints it."""

    def __init__(self, view: SourceView) -> None:
        super().__init__(view)
        self._view = view

    def sizeHint(self) -> QSize:
        return QSize(self._view.margin_width, 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        self._view.paint_margin(event)


class _Colours(QSyntaxHighlighter):
    """Applies stretches that were worked out beforehand."""

    def __init__(self, theme: Theme, view: SourceView) -> None:
        super().__init__(view.document())
        self._theme = theme
        self.lines: Lines = []

    def highlightBlock(self, text: str) -> None:
        number = self.currentBlock().blockNumber()
        if number >= len(self.lines):
            return
        wide = not text.isascii() and any(ord(character) > 0xFFFF for character in text)
        for start, length, token in self.lines[number]:
            style = QTextCharFormat()
            style.setForeground(self._theme.color(token))
            first, last = start, start + length
            if wide:  # Qt counts UTF-16 units
                first, last = _units(text[:first]), _units(text[:last])
            self.setFormat(first, last - first, style)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
