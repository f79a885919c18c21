"""The text field in which a message is written."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QMimeData, Qt, Signal
from PySide6.QtGui import QFocusEvent, QInputMethodEvent, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QWidget

from desktop.ui.chat.actions import EDIT_LAST, NEW_LINE, SEND, STOP, UNDO_DELETE
from desktop.ui.chat.long_text import is_long
from desktop.ui.shell.dropped import local_files
from desktop.ui.shell.keys import answer, matches

MOST_LINES = 8
_LEAST_LINES = 3  # before it scrolls, in however low a window
_LINE_SHARE = 100  # pixels of the window's height that give the input one more line


class Editor(QPlainTextEdit):
    """Plain text that grows with its lines; Enter sends. What is pasted and is no short text is told instead."""

    long_pasted = Signal(str)
    files_pasted = Signal(object)  # list of Paths: files that were copied in a file manager
    picture_pasted = Signal(object)  # QImage: a picture itself was copied
    entered = Signal()
    escaped = Signal()
    recalled = Signal()
    undo_asked = Signal()  # of what was deleted beside it
    focus_changed = Signal()
    resized = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("composerText")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setStyleSheet("#composerText { border: none; background: transparent; padding: 0; }")
        self.setTabChangesFocus(True)
        self.setAcceptDrops(False)  # what is dropped belongs to the page, or to the window
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(2)
        self._composing = False
        self.undone: Callable[[bool], bool] = lambda _again: False  # undo or redo of what is beside the text
        self._deleted_at = -1  # the text's revision when something was deleted beside it
        self.escape_wanted = False  # else it is left to whoever it means something to
        self.document().documentLayout().documentSizeChanged.connect(self._grow)
        self._grow()

    def _grow(self) -> None:
        lines = max(1, int(self.document().documentLayout().documentSize().height()))
        most = max(_LEAST_LINES, min(MOST_LINES, self.window().height() // _LINE_SHARE))
        shown = min(lines, most)
        always = Qt.ScrollBarPolicy.ScrollBarAsNeeded if lines > most else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        self.setVerticalScrollBarPolicy(always)
        self.setFixedHeight(self.fontMetrics().lineSpacing() * shown + 6)
        if lines <= most:
            self.verticalScrollBar().setValue(0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another width wraps into another number of lines."""
        super().resizeEvent(event)
        self._grow()
        self.resized.emit()

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        """While a word is being composed, Enter belongs to the input method."""
        self._composing = bool(event.preeditString())
        super().inputMethodEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter sends, Shift+Enter breaks the line, Up in an empty input recalls the last message."""
        again = event.matches(QKeySequence.StandardKey.Redo)
        if self._composing:
            super().keyPressEvent(event)
        elif (again or event.matches(QKeySequence.StandardKey.Undo)) and self.undone(again):
            event.accept()
        elif matches(event, UNDO_DELETE) and self.empty and self._nothing_newer:
            self.undo_asked.emit()
        elif matches(event, SEND):
            self.entered.emit()
        elif answer(event, NEW_LINE):
            self.insertPlainText("\n")
            self.ensureCursorVisible()
        elif self.escape_wanted and matches(event, STOP):
            self.escaped.emit()
        elif matches(event, EDIT_LAST) and self.empty:
            self.recalled.emit()
        else:
            super().keyPressEvent(event)

    def note_deletion(self) -> None:
        """Something was deleted beside the text: undone in the empty field, it goes before what was written earlier."""
        self._deleted_at = self.document().revision()

    @property
    def _nothing_newer(self) -> bool:
        return self._deleted_at == self.document().revision() or not self.document().isUndoAvailable()

    @property
    def empty(self) -> bool:
        """Whether nothing at all is written in it."""
        return self.document().characterCount() <= 1  # the mark of the paragraph's end

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        """Text, and what becomes an attachment."""
        return source.hasText() or source.hasImage() or bool(local_files(source))

    def insertFromMimeData(self, source: QMimeData) -> None:
        """Pasted text comes without its formatting, and a long one beside the text; files and pictures go there too.

        Programs that copy cells or paragraphs put a picture of them beside the text: the text is meant.
        """
        if files := local_files(source):
            self.files_pasted.emit(files)
            return
        if source.hasImage() and not source.hasText():
            self.picture_pasted.emit(source.imageData())
            return
        if not source.hasText():
            return
        text = source.text()
        held = self.document().characterCount() - len(self.textCursor().selectedText())
        if is_long(text, held, self.textCursor().block().length()):
            self.long_pasted.emit(text)
        else:
            self.insertPlainText(text)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """The box around shows the focus."""
        super().focusInEvent(event)
        self.focus_changed.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """The box around shows the focus."""
        super().focusOutEvent(event)
        self.focus_changed.emit()
