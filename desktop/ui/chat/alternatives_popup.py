"""What the model could have written in the place of a token: a list over the transcript, walked through by keys."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop.core.text import token_piece
from desktop.core.words import tr
from desktop.services.chat.alternatives import Placed
from desktop.ui.chat.actions import TOKEN_KEYS
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.keys import answer

_WIDTH = 300


class AlternativesPopup(QFrame):
    """Shows one token of an answer; Left and Right go to those beside it, Escape closes it."""

    def __init__(self, placed: Placed, index: int, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("tokenAlternatives")
        self.setProperty("role", "overlay")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName(tr("What the model could have written"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._placed, self._index = placed, index
        self._heading: QLabel = plain_label("tokenHeading", "subtitle")
        self._table = QTableWidget(0, 2)
        self._table.setObjectName("tokenTable")
        self._table.setAccessibleName(tr("Likeliest tokens"))
        self._table.setHorizontalHeaderLabels([tr("Token"), tr("Probability")])
        self._table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._table.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self._table.verticalHeader().hide()
        self._table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self._table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._table.setShowGrid(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(6)
        column.addWidget(self._heading)
        column.addWidget(self._table)
        column.addWidget(plain_label("tokenHint", "caption", tr("Left and Right: the tokens beside it")))
        self.setFixedWidth(_WIDTH)
        self._show()

    def open_at(self, place: QPoint) -> None:
        """Show it below a place of the screen, and wholly on it."""
        self.adjustSize()
        room = self.screen().availableGeometry()
        x = min(max(place.x() - 20, room.left()), room.right() - self.width())
        y = min(place.y() + 14, room.bottom() - self.height())
        self.move(x, max(y, room.top()))
        self.show()
        self.setFocus(Qt.FocusReason.PopupFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk through the tokens."""
        step = answer(event, TOKEN_KEYS)
        if step is None:
            super().keyPressEvent(event)
            return
        self._index = min(max(self._index + step, 0), len(self._placed.tokens) - 1)
        self._show()

    def _show(self) -> None:
        token = self._placed.tokens[self._index]
        self._heading.setText(f"“{token_piece(token.raw)}” {_percent(token.probability)}")
        known = any(text == token.text for text, _ in token.others)
        rows = list(token.others) if known else [*token.others, (token.text, token.probability)]
        self._table.setRowCount(len(rows))
        for number, (text, probability) in enumerate(rows):
            chosen = text == token.text
            cells = (token_piece(text.encode()) + (" (written)" if chosen else ""), _percent(probability))
            for column, words in enumerate(cells):
                cell = QTableWidgetItem(words)
                if column:
                    cell.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                font = cell.font()
                font.setBold(chosen)
                cell.setFont(font)
                self._table.setItem(number, column, cell)
        high = self._table.horizontalHeader().sizeHint().height() + sum(
            self._table.rowHeight(row) for row in range(len(rows))
        )
        self._table.setFixedHeight(high + 4)
        told = ", ".join(f"{token_piece(text.encode())} {_percent(probability)}" for text, probability in rows)
        self.setAccessibleDescription(f"{self._heading.text()}. {told}")
        self.adjustSize()


def _percent(probability: float) -> str:
    return f"{probability:.1%}" if probability >= 0.001 else "< 0.1%"
