"""The line of a tool that an answer called, which folds what it was given and what it answered."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from desktop.core.words import tr
from desktop.ui.shared.transcript.leaves import Leaf, ToolLeaf
from desktop.ui.shared.transcript.row import ALIGN_LEFT, HotSpot, Span, TranscriptRow
from desktop.ui.shared.transcript.style import Style

_MARK = 15.0  # width of the mark before the words


class ToolRow(TranscriptRow):
    """Folds and unfolds the rows of its call."""

    def __init__(self, style: Style, leaf: ToolLeaf) -> None:
        super().__init__(style, leaf.place)
        self._leaf = leaf
        self.folded = True

    @property
    def call_id(self) -> str:
        """Whose rows it folds."""
        return self._leaf.call_id

    @property
    def label(self) -> str:
        """What it says."""
        return self._leaf.label

    def adopt(self, leaf: Leaf) -> bool:
        if not isinstance(leaf, ToolLeaf) or leaf.call_id != self._leaf.call_id:
            return False
        self.changed_from = self.height if leaf == self._leaf else 0.0
        self._leaf = leaf
        return True

    def hot_spots(self) -> list[HotSpot]:
        verb = tr("Show") if self.folded else tr("Hide")
        wide = self.style.body_metrics.horizontalAdvance(self._leaf.label) + _MARK + 7
        rect = QRectF(0, 0, min(wide, max(self.width, 0.0)), self.style.line)
        return [
            HotSpot(
                "fold-tool",
                rect,
                tr("{verb} the call ({label})", verb=verb, label=self._leaf.label),
                self._leaf.call_id,
            )
        ]

    def paint(self, painter: QPainter, visible: QRectF, selected: Span | None) -> None:
        color = self.style.color("bad" if self._leaf.failed else "text_muted")
        painter.setPen(QPen(color, 1.6))
        middle = self.style.line / 2
        tip = ((2, -4), (7, 0), (2, 4)) if self.folded else ((0, -2), (4, 3), (8, -2))
        painter.drawPolyline([QPointF(x + 1, middle + y) for x, y in tip])
        painter.setFont(self.style.body)
        room = max(self.width - _MARK, 0.0)
        words = self.style.body_metrics.elidedText(self._leaf.label, Qt.TextElideMode.ElideMiddle, room)
        painter.drawText(QRectF(_MARK, 0, room, self.style.line), ALIGN_LEFT, words)
