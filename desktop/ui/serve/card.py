"""The titled boxes of the page Serve."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.theme import set_role


class ServeCard(QFrame):
    """A heading, with what belongs beside it in ``head``, and a column below it."""

    def __init__(self, name: str, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(title)
        set_role(self, "card")
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(14, 12, 14, 12)
        self.column.setSpacing(8)
        self.head = QHBoxLayout()
        self.head.setSpacing(8)
        heading = QLabel(title)
        set_role(heading, "subtitle")
        self.head.addWidget(heading)
        self.column.addLayout(self.head)

    def add_note(self, name: str, text: str) -> QLabel:
        """Muted words beside the heading, which wrap where there is little room."""
        note = plain_label(name, "muted", text)
        self.head.addWidget(note, 1)
        return note
