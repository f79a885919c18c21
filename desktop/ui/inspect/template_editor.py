"""Changing a chat template for one model: the text, and what can be done with it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from desktop.core.text import LINE_CHARACTERS
from desktop.core.words import tr
from desktop.ui.inspect.actions import DISCARD_TEMPLATE, EDIT_TEMPLATE, RESET_TEMPLATE, SAVE_TEMPLATE
from desktop.ui.inspect.source_view import SourceView
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.reflow import CurrentStack
from desktop.ui.shell.theme import Theme

_PARAGRAPH, _LINE = "\u2029", "\u2028"  # Qt's ends of lines


class TemplateEditor(QWidget):
    """The source to read, or to change; below it the buttons of what is possible now."""

    edited = Signal()  # another text stands in the editor
    edit_asked = Signal()
    save_asked = Signal()
    discard_asked = Signal()
    reset_asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = SourceView(theme)
        self.view.setObjectName("inspectTemplateSource")
        self.view.setAccessibleName(tr("Source of the chat template"))
        self._editor = QPlainTextEdit()
        self._editor.setObjectName("inspectTemplateEditor")
        self._editor.setAccessibleName(tr("Chat template for this model"))
        self._editor.setFont(theme.monospace)
        self._editor.setTabChangesFocus(True)
        self._stack = CurrentStack()
        self._stack.addWidget(self.view)
        self._stack.addWidget(self._editor)
        self._edit = push_button(EDIT_TEMPLATE.short, "inspectTemplateEdit", EDIT_TEMPLATE.tip)
        self._save = push_button(SAVE_TEMPLATE.short, "inspectTemplateSave", SAVE_TEMPLATE.tip, role="primary")
        self._discard = push_button(DISCARD_TEMPLATE.short, "inspectTemplateDiscard", DISCARD_TEMPLATE.tip)
        self._reset = push_button(RESET_TEMPLATE.short, "inspectTemplateReset", RESET_TEMPLATE.tip)
        buttons = QHBoxLayout()
        for button in (self._edit, self._save, self._discard, self._reset):
            buttons.addWidget(button)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._stack, 1)
        column.addLayout(buttons)
        self._editor.textChanged.connect(self.edited)
        self._edit.clicked.connect(self.edit_asked)
        self._save.clicked.connect(self.save_asked)
        self._discard.clicked.connect(self.discard_asked)
        self._reset.clicked.connect(self.reset_asked)
        self.offer(edit=False, reset=False)

    @property
    def editing(self) -> bool:
        """Whether a text is being changed."""
        return self._stack.currentWidget() is self._editor

    @property
    def text(self) -> str:
        """What is in the editor, to the letter."""
        return self._editor.document().toRawText().replace(_PARAGRAPH, "\n").replace(_LINE, "\n")

    def offer(self, *, edit: bool, reset: bool) -> None:
        """Which buttons there are; those of a change under way follow from it."""
        self._edit.setVisible(edit and not self.editing)
        self._save.setVisible(self.editing)
        self._discard.setVisible(self.editing)
        self._reset.setVisible(reset and not self.editing)

    def begin(self, text: str) -> None:
        """Change this text."""
        self._editor.blockSignals(True)
        self._editor.setPlainText(text)
        self._editor.blockSignals(False)
        self._stack.setCurrentWidget(self._editor)

    def take_keyboard(self) -> None:
        """Put the keyboard into the text."""
        self._editor.setFocus()

    def show_line(self, number: int) -> None:
        """Put the cursor into a line of the text that is changed, from 1."""
        block = self._editor.document().findBlockByNumber(number - 1)
        if block.isValid():
            cursor = self._editor.textCursor()
            cursor.setPosition(block.position())
            self._editor.setTextCursor(cursor)
            self._editor.centerCursor()

    def end(self) -> None:
        """Read again instead."""
        self._stack.setCurrentWidget(self.view)
        self._editor.blockSignals(True)
        self._editor.clear()
        self._editor.blockSignals(False)


def editable(source: str) -> bool:
    """Whether a text can be shown for editing: Qt lays a line out in one go."""
    return all(len(line) <= LINE_CHARACTERS for line in source.split("\n"))
