"""A text's tokens as chips in the text's order: each with what it stands for and its id."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from desktop.core.text import token_piece
from desktop.core.words import counted, tr
from desktop.services.inspect.tokenizer import Token
from desktop.ui.shell.theme import Theme

MAX_CHIPS = 3_000  # drawn at most; the count and the ids to copy are of all
_TOKENS = ("series_1", "series_2", "series_3", "series_4", "series_5", "series_6")
_HEIGHT, _GAP, _PAD = 38, 4, 6
_LONGEST = 60  # characters shown of one token


class TokenChips(QWidget):
    """Painted, not made of widgets. Neighbours differ in colour; a control token has a double frame."""

    token_asked = Signal(int)  # an id, when its chip is clicked

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspectTokenChips")
        self.setAccessibleName(tr("Tokens of the text"))
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._theme = theme
        self._tokens: tuple[Token, ...] = ()
        self._texts: list[str] = []
        self._rects: list[QRectF] = []
        self._text_font = theme.monospace
        self._id_font = QFont(self.font())
        self._id_font.setPixelSize(10)
        theme.changed.connect(self.update)

    def set_tokens(self, tokens: Sequence[Token]) -> None:
        """Show these tokens, as many as can be drawn."""
        self._tokens = tuple(tokens[:MAX_CHIPS])
        self._texts = [token_piece(token.piece)[:_LONGEST] or "∅" for token in self._tokens]
        self.setAccessibleDescription(
            ", ".join(f"{t} {k.id}" for t, k in zip(self._texts[:100], self._tokens, strict=False))
        )
        self._arrange()
        self.update()

    def chip_rects(self) -> list[QRectF]:
        """Where each chip is drawn, in widget coordinates."""
        return list(self._rects)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Break the lines anew."""
        super().resizeEvent(event)
        self._arrange()

    def sizeHint(self) -> QSize:
        """As high as the lines there are."""
        return QSize(400, self.minimumHeight())

    def _arrange(self) -> None:
        text, ids = QFontMetrics(self._text_font), QFontMetrics(self._id_font)
        x, y, rects = 0.0, 0.0, []
        for shown, token in zip(self._texts, self._tokens, strict=True):
            width = max(text.horizontalAdvance(shown), ids.horizontalAdvance(str(token.id))) + 2 * _PAD
            if x and x + width > self.width():
                x, y = 0.0, y + _HEIGHT + _GAP
            rects.append(QRectF(x + 0.5, y + 0.5, width, _HEIGHT - 1))
            x += width + _GAP
        self._rects = rects
        self.setMinimumHeight(int(y) + _HEIGHT + 1 if rects else 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Only the chips in view."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for number, rect in enumerate(self._rects):
            if rect.intersects(QRectF(event.rect())):
                self._paint_chip(painter, number, rect)

    def _paint_chip(self, painter: QPainter, number: int, rect: QRectF) -> None:
        token = self._tokens[number]
        color = self._theme.color(_TOKENS[number % len(_TOKENS)])
        fill = self._theme.color(_TOKENS[number % len(_TOKENS)])
        fill.setAlpha(46)
        painter.setPen(QPen(color, 1.0))
        painter.setBrush(fill)
        painter.drawRoundedRect(rect, 5, 5)
        if token.kind == "control":
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(rect.adjusted(2, 2, -2, -2), 4, 4)
        painter.setPen(self._theme.color("text"))
        painter.setFont(self._text_font)
        above = rect.adjusted(0, 3, 0, -15)
        painter.drawText(above, Qt.AlignmentFlag.AlignCenter, self._texts[number])
        painter.setPen(self._theme.color("text_muted"))
        painter.setFont(self._id_font)
        painter.drawText(rect.adjusted(0, 20, 0, -2), Qt.AlignmentFlag.AlignCenter, str(token.id))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click on a chip asks for its token."""
        number = self._number_at(event.position().toPoint())
        if number >= 0:
            self.token_asked.emit(self._tokens[number].id)

    def event(self, event: QEvent) -> bool:
        """The tooltip tells all of the chip below the mouse."""
        if isinstance(event, QHelpEvent):
            number = self._number_at(event.pos())
            if number < 0:
                QToolTip.hideText()
            else:
                token = self._tokens[number]
                words = tr(
                    "{kind} token {id}, {size}: {hex}",
                    kind=token.kind,
                    id=token.id,
                    size=counted(len(token.piece), "byte"),
                    hex=token.piece.hex(" ")[:120],
                )
                QToolTip.showText(event.globalPos(), words, self)
            return True
        return super().event(event)

    def _number_at(self, where: QPoint) -> int:
        return next((number for number, rect in enumerate(self._rects) if rect.contains(where)), -1)
