"""The offer to bring back what was just deleted."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget

from desktop.ui.shared.elided_label import ElidedLabel

UNDO_SECONDS = 10.0
A_MESSAGE = 0  # of the chat in view, in place of a chat: none has this number


class UndoBar(QFrame):
    """Says what was deleted and brings it back on request, for UNDO_SECONDS."""

    undone = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("undoBar")
        self.setProperty("role", "notification")
        self._chat_id = 0
        self._label = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._label.setObjectName("undoText")
        self._button = QPushButton("Undo")
        self._button.setObjectName("undoDelete")
        self._button.clicked.connect(self.undo)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 10, 8)
        row.addWidget(self._label, 1)
        row.addWidget(self._button)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(round(UNDO_SECONDS * 1000))
        self._timer.timeout.connect(self.hide)
        self.hide()

    def offer(self, chat_id: int, title: str) -> None:
        """Show the offer for one chat, or a message of the one in view, in place of an older one."""
        self._chat_id = chat_id
        message = chat_id == A_MESSAGE
        self._label.set_whole_text("Deleted a message" if message else f"Deleted “{title}”")
        self._button.setAccessibleName("Bring back the message" if message else f"Bring back {title}")
        self._timer.start()
        self.show()

    def undo(self) -> None:
        """Bring it back."""
        self._timer.stop()
        self.hide()
        self.undone.emit(self._chat_id)
