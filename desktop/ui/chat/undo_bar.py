"""The offers to bring back what was deleted: shown for a while, and kept for as long as they can be taken up."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget

from desktop.core.words import tr
from desktop.ui.shared.elided_label import ElidedLabel

UNDO_SECONDS = 10.0
A_MESSAGE = 0  # of the chat in view, in place of a chat: none has this number


class UndoBar(QFrame):
    """Says for UNDO_SECONDS what was deleted and brings it back on request, which :meth:`undo` does afterwards, too.

    The last message and the last chat that were deleted are kept, each until another of its kind is.
    """

    undone = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("undoBar")
        self.setProperty("role", "notification")
        self._offers: list[int] = []  # numbers of chats, or A_MESSAGE; newest last
        self._label = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._label.setObjectName("undoText")
        self._button = QPushButton(tr("Undo"))
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

    @property
    def offers(self) -> bool:
        """Whether anything can be brought back."""
        return bool(self._offers)

    def offer(self, chat_id: int, title: str) -> None:
        """Show the offer for one chat, or a message of the one in view, in place of an older one of its kind."""
        message = chat_id == A_MESSAGE
        self._offers = [known for known in self._offers if (known == A_MESSAGE) != message]
        self._offers.append(chat_id)
        self._label.set_whole_text(tr("Deleted a message") if message else tr("Deleted “{title}”", title=title))
        self._button.setAccessibleName(
            tr("Bring back the message") if message else tr("Bring back {title}", title=title)
        )
        self._timer.start()
        self.show()

    def withdraw_message(self) -> None:
        """The message cannot be put back any more."""
        if A_MESSAGE in self._offers:
            if self._offers[-1] == A_MESSAGE:
                self.hide()
            self._offers.remove(A_MESSAGE)

    def undo(self) -> None:
        """Bring back what was deleted last; nothing where that was done already."""
        self._timer.stop()
        self.hide()
        if self._offers:
            self.undone.emit(self._offers.pop())
