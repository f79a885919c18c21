"""The model's thinking: the line that folds it, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainter, QPen

from desktop.core.markdown import Block, Reasoning
from desktop.ui.shared.transcript.leaves import Leaf, ReasoningLeaf
from desktop.ui.shared.transcript.message import TranscriptMessage
from desktop.ui.shared.transcript.row import ALIGN_LEFT, HotSpot, Span, TranscriptRow
from desktop.ui.shared.transcript.style import Style


class ReasoningRow(TranscriptRow):
    """The line that folds and unfolds the model's thinking."""

    def __init__(self, style: Style, leaf: ReasoningLeaf) -> None:
        super().__init__(style, leaf.place)
        self.label = "Reasoning"
        self.closed = leaf.closed
        self.folded = True

    def adopt(self, leaf: Leaf) -> bool:
        if not isinstance(leaf, ReasoningLeaf) or leaf.place != self.place:
            return False
        self.changed_from = 0.0 if leaf.closed != self.closed else self.height
        self.closed = leaf.closed
        return True

    def measure(self, width: float) -> float:
        return self.style.line

    def hot_spots(self) -> list[HotSpot]:
        width = self.style.body_metrics.horizontalAdvance(self.label) + 22
        verb = "Show" if self.folded else "Hide"
        return [HotSpot("fold", QRectF(0, 0, width, self.height), f"{verb} the reasoning ({self.label})")]

    def paint(self, painter: QPainter, visible: QRectF, selected: Span | None) -> None:
        color = self.style.color("text_muted")
        painter.setPen(QPen(color, 1.6))
        middle = self.height / 2
        tip = ((2, -4), (7, 0), (2, 4)) if self.folded else ((0, -2), (4, 3), (8, -2))
        painter.drawPolyline([QPointF(x + 1, middle + y) for x, y in tip])
        painter.setFont(self.style.body)
        painter.drawText(QRectF(15, 0, self.width - 15, self.height), ALIGN_LEFT, self.label)


class Thinking:
    """Watches a message's blocks for its thinking, measures it as it streams, and finds words for it."""

    def __init__(self, message: TranscriptMessage) -> None:
        self._streaming = message.state == "streaming"
        self._seconds = message.reasoning_seconds
        self._since: float | None = None

    @property
    def going_on(self) -> bool:
        """Whether the model is thinking right now."""
        return self._since is not None

    def update(self, message: TranscriptMessage) -> None:
        """The message has a new value."""
        self._streaming = message.state == "streaming"
        self._seconds = message.reasoning_seconds or self._seconds

    def watch(self, block: Block) -> None:
        """Note when the thinking begins and ends, while it streams."""
        if not isinstance(block, Reasoning) or not self._streaming:
            return
        if not block.closed and self._since is None:
            self._since = time.monotonic()
        elif block.closed and self._since is not None:
            self._seconds = time.monotonic() - self._since
            self._since = None

    def label(self, rows: Sequence[TranscriptRow]) -> None:
        """Put the words on the folding lines among the rows."""
        found = [row for row in rows if isinstance(row, ReasoningRow)]
        for row in found:
            if not row.closed:
                row.label = "Thinking…" if self._streaming else "Reasoning, not finished"
            elif self._seconds and len(found) == 1:
                row.label = f"Thought for {self._seconds:.1f} s"
            else:
                row.label = "Reasoning"
