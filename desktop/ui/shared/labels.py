"""Labels of plain text: what a file, a repo or a model says is shown as it is, never read as HTML."""

from __future__ import annotations

import re

from PySide6.QtCore import Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QLabel, QMenu, QWidget

from desktop.core.words import tr

WARNING_SIGN = "⚠"  # before a name that has a problem
_BREAK = "\u200b"  # where a line may end though there is no space; takes no room
_LONG_WORD = re.compile(r"\S{25,}")
_AFTER_SIGNS = re.compile(r"(?<=[/\\_.,;:=&?-])(?=[^/\\_.,;:=&?-])")


def breakable(text: str) -> str:
    """The text with places where a line may end within its long words: after signs, else after 25 letters."""
    return _LONG_WORD.sub(lambda word: _broken(word.group()), text) if _LONG_WORD.search(text) else text


def _broken(word: str) -> str:
    parts = _AFTER_SIGNS.split(word)
    return _BREAK.join(_BREAK.join(part[at : at + 25] for at in range(0, len(part), 25)) for part in parts)


class PlainLabel(QLabel):
    """A label whose long words, such as paths, are broken where they have to be, but are copied as they are."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)

    def setText(self, text: str) -> None:
        """Show this text as it is."""
        super().setText(breakable(text))

    def text(self) -> str:
        """The text as it was set."""
        return super().text().replace(_BREAK, "")

    def selectedText(self) -> str:
        """The selected part of the text as it was set."""
        return super().selectedText().replace(_BREAK, "")

    def heightForWidth(self, width: int) -> int:
        """Of the lines at the width that it gets, which is at most its widest."""
        return super().heightForWidth(min(width, self.maximumWidth()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copying takes the text as it was set."""
        if event.matches(QKeySequence.StandardKey.Copy) and self.hasSelectedText():
            self._copy()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Copying by mouse takes the text as it was set, too."""
        if not self.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse:
            super().contextMenuEvent(event)
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(tr("Copy"), self._copy).setEnabled(self.hasSelectedText())
        menu.addAction(tr("Select all"), lambda: self.setSelection(0, len(super(PlainLabel, self).text())))
        menu.popup(event.globalPos())

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.selectedText())


def plain_label(
    name: str, role: str = "", text: str = "", *, wraps: bool = True, selectable: bool = False
) -> PlainLabel:
    """A label of this object name; ``role`` is that of the style sheet, ``selectable`` lets the mouse copy from it."""
    label = PlainLabel(text)
    label.setObjectName(name)
    label.setWordWrap(wraps)
    if selectable:
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    if role:
        label.setProperty("role", role)
    return label
