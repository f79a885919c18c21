"""Scrolling sideways within the transcript: what is wider than the column moves in its own place."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter

from desktop.ui.shared.transcript.style import Style

BAR = 12.0  # height of the room for the bar, below the content
_THICK = 6.0
_LEAST = 32.0  # pixels of the part that is dragged
STEP = 60.0  # pixels per key


class Sideways:
    """How far a table or formula is moved; the parts of a long table share one."""

    def __init__(self) -> None:
        self.offset = 0.0
        self.seen = self.whole = 0.0  # pixels: of the room, and of all that is in it

    def fit(self, seen: float, whole: float) -> None:
        """Take the room and the width of the content."""
        self.seen, self.whole = max(seen, 1.0), whole
        self.offset = min(self.offset, self.most)

    @property
    def most(self) -> float:
        """How far it can be moved; 0 where all of it is seen."""
        return max(0.0, self.whole - self.seen)

    def by(self, pixels: float) -> bool:
        """Move; False where it is at the end already."""
        before, self.offset = self.offset, min(max(self.offset + pixels, 0.0), self.most)
        return self.offset != before

    def handle(self, left: float, bottom: float) -> QRectF:
        """The part that is dragged, for content that begins at ``left`` and a row that ends at ``bottom``."""
        length = max(_LEAST, self.seen * self.seen / max(self.whole, 1.0))
        along = (self.seen - length) * (self.offset / self.most if self.most else 0.0)
        return QRectF(left + along, bottom - _THICK - 2, length, _THICK)

    def dragged(self, pixels: float) -> bool:
        """Move by so much of the bar."""
        length = max(_LEAST, self.seen * self.seen / max(self.whole, 1.0))
        return self.by(pixels * self.most / max(self.seen - length, 1.0))

    def paint(self, painter: QPainter, style: Style, left: float, bottom: float) -> None:
        """The bar, where there is something to move."""
        if not self.most:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(style.color("control_border"))
        painter.drawRoundedRect(self.handle(left, bottom), _THICK / 2, _THICK / 2)
        painter.restore()
