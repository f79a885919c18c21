"""A small conversation to edit: the example a chat template is tried with."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from desktop.core.words import tr
from desktop.services.inspect.template_preview import EXAMPLE, ChatMessage
from desktop.ui.shared.buttons import push_button
from desktop.ui.shell.theme import set_role

_ROLES = ("system", "user", "assistant")
MOST = 8


class ExampleConversation(QWidget):
    """One line per message: who speaks, and what. Lines are added at the end and taken away one by one."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspectExample")
        self._rows: list[tuple[QComboBox, QLineEdit, QPushButton]] = []
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        self._add = push_button(tr("Add message"), "inspectExampleAdd", spoken=tr("Add a message to the example"))
        self._add.clicked.connect(self._add_next)
        self._reset = push_button(tr("Reset"), "inspectExampleReset", spoken=tr("Go back to the first example"))
        self._reset.clicked.connect(self.reset)
        buttons = QHBoxLayout()
        buttons.addWidget(self._add)
        buttons.addWidget(self._reset)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self._grid)
        column.addLayout(buttons)
        self.reset()

    @property
    def messages(self) -> tuple[ChatMessage, ...]:
        """The conversation as it stands."""
        return tuple(ChatMessage(role.currentText(), text.text()) for role, text, _ in self._rows)  # type: ignore[arg-type]

    def reset(self) -> None:
        """Go back to the first example."""
        while self._rows:
            self._take(len(self._rows) - 1)
        for message in EXAMPLE:
            self._append(message)
        self._changed()

    def _add_next(self) -> None:
        last = self._rows[-1][0].currentText() if self._rows else "assistant"
        self._append(ChatMessage("assistant" if last == "user" else "user", ""))
        self._rows[-1][1].setFocus()
        self._changed()

    def _append(self, message: ChatMessage) -> None:
        number = len(self._rows)
        role, text, remove = QComboBox(), QLineEdit(message.content), QPushButton("✕")
        text.setCursorPosition(0)  # a long message is read from its beginning
        role.addItems(_ROLES)
        role.setCurrentText(message.role)
        role.setObjectName(f"inspectExampleRole{number}")
        role.setAccessibleName(tr("Who says message {number}", number=number + 1))
        text.setObjectName(f"inspectExampleText{number}")
        text.setAccessibleName(tr("Message {number}", number=number + 1))
        remove.setObjectName(f"inspectExampleRemove{number}")
        remove.setAccessibleName(tr("Remove message {number}", number=number + 1))
        remove.setToolTip(tr("Remove this message"))
        set_role(remove, "ghost")
        role.currentIndexChanged.connect(self._changed)
        text.textChanged.connect(self._changed)
        remove.clicked.connect(lambda: self._remove(remove))
        for column, widget in enumerate((role, text, remove)):
            self._grid.addWidget(widget, number, column)
        self._rows.append((role, text, remove))

    def _remove(self, button: QPushButton) -> None:
        kept = [
            ChatMessage(role.currentText(), text.text())  # type: ignore[arg-type]
            for role, text, own in self._rows
            if own is not button
        ]
        while self._rows:
            self._take(len(self._rows) - 1)
        for message in kept:
            self._append(message)
        self._changed()

    def _take(self, number: int) -> None:
        for widget in self._rows.pop(number):
            self._grid.removeWidget(widget)
            widget.hide()
            widget.deleteLater()

    def _changed(self) -> None:
        self._add.setEnabled(len(self._rows) < MOST)
        self.changed.emit()
