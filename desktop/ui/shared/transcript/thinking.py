"""The line above the model's reasoning, which folds it and says how long it took."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from desktop.core.words import tr
from desktop.ui.shared.transcript.leaves import Leaf, ReasoningLeaf
from desktop.ui.shared.transcript.row import ALIGN_LEFT, HotSpot, Span, TranscriptRow
from desktop.ui.shared.transcript.style import Style

_COPY = tr("Copy reasoning")
_MARK = 15.0  # width of the mark before the words


def thinking_words(seconds: float, *, going_on: bool, finished: bool) -> str:
    """What is said of reasoning: while it streams, and afterwards. ``seconds`` 0: not measured."""
    if going_on:
        return tr("Thinking… {seconds}", seconds=_duration(int(seconds))) if seconds >= 1 else tr("Thinking…")
    words = tr("Thought for {seconds}", seconds=_duration(seconds)) if seconds else tr("Reasoning")
    return words if finished else tr("{words}, not finished", words=words)


def _duration(seconds: float) -> str:
    """12 s, 1 min 5 s; tenths where they say something."""
    if seconds < 10 and not isinstance(seconds, int):
        return f"{max(seconds, 0.1):.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return tr("{minutes} min {rest} s", minutes=minutes, rest=rest) if minutes else f"{rest} s"


class ReasoningRow(TranscriptRow):
    """Folds and unfolds the reasoning below it."""

    def __init__(self, style: Style, leaf: ReasoningLeaf) -> None:
        super().__init__(style, leaf.place)
        self.label = ""
        self.folded = True

    def adopt(self, leaf: Leaf) -> bool:
        if not isinstance(leaf, ReasoningLeaf):
            return False
        self.changed_from = self.height
        return True

    def measure(self, width: float) -> float:
        return self.style.line * (2 if self._copy_below else 1)

    @property
    def _words_width(self) -> float:
        return min(self.style.body_metrics.horizontalAdvance(self.label) + _MARK + 7, max(self.width, 0.0))

    @property
    def _copy_width(self) -> float:
        return self.style.small_metrics.horizontalAdvance(_COPY) + 14

    @property
    def _copy_below(self) -> bool:
        """Whether the copying has no room beside the words."""
        return not self.folded and not self.style.paper and self._words_width + self._copy_width > self.width

    def set_folded(self, folded: bool) -> None:
        """Whether the reasoning below is folded away."""
        if folded != self.folded:
            self.folded = folded
            if self.width >= 0:
                self.height = self.measure(self.width)

    def set_label(self, label: str) -> bool:
        """What it says; True when that is something else."""
        if label == self.label:
            return False
        self.label = label
        if self.width >= 0:
            self.height = self.measure(self.width)
        return True

    def hot_spots(self) -> list[HotSpot]:
        verb = tr("Show") if self.folded else tr("Hide")
        words = QRectF(0, 0, self._words_width, self.style.line)
        found = [HotSpot("fold", words, tr("{verb} the reasoning ({label})", verb=verb, label=self.label))]
        if not self.folded and not self.style.paper:
            below = self._copy_below
            left = _MARK - 7 if below else self.width - self._copy_width
            rect = QRectF(left, self.style.line if below else 0, self._copy_width, self.style.line)
            found.append(HotSpot("copy-reasoning", rect, _COPY))
        return found

    def paint(self, painter: QPainter, visible: QRectF, selected: Span | None) -> None:
        color = self.style.color("text_muted")
        painter.setPen(QPen(color, 1.6))
        middle = self.style.line / 2
        tip = ((2, -4), (7, 0), (2, 4)) if self.folded else ((0, -2), (4, 3), (8, -2))
        painter.drawPolyline([QPointF(x + 1, middle + y) for x, y in tip])
        painter.setFont(self.style.body)
        room = self.width - _MARK
        words = self.style.body_metrics.elidedText(self.label, Qt.TextElideMode.ElideRight, max(room, 0.0))
        painter.drawText(QRectF(_MARK, 0, room, self.style.line), ALIGN_LEFT, words)
        for hot in self.hot_spots()[1:]:
            painter.setFont(self.style.small)
            painter.drawText(hot.rect, Qt.AlignmentFlag.AlignCenter, hot.label)
