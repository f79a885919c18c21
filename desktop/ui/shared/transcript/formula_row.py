"""A formula on a line of its own: centred, or scrolled sideways where it is wider than the column."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter

from desktop.core.markdown import Run
from desktop.core.words import tr
from desktop.ui.shared.transcript.flow import Flow, paint_drawing
from desktop.ui.shared.transcript.formulas import Drawing
from desktop.ui.shared.transcript.leaves import FormulaLeaf, Leaf
from desktop.ui.shared.transcript.row import HotSpot, Span, TranscriptRow
from desktop.ui.shared.transcript.sideways import BAR, Sideways
from desktop.ui.shared.transcript.style import FORMULA_SCALE, Style
from desktop.ui.shared.transcript.units import units

_ABOVE = 7.0  # pixels above and below it: the limits of a sum keep off the lines beside it


class FormulaRow(TranscriptRow):
    """Until it is typeset, and where it cannot be, its source stands there; its source is what is selected."""

    def __init__(self, style: Style, leaf: FormulaLeaf) -> None:
        super().__init__(style, leaf.place)
        self._leaf = leaf
        self.text = leaf.source
        self._size = style.body.pixelSize() * FORMULA_SCALE
        self._drawing: Drawing | None = None
        self._flow: Flow | None = None
        self._waits = False

    def estimate(self, width: float) -> float:
        return self.style.line * (self.text.count("\n") + 1)

    def measure(self, width: float) -> float:
        self._drawing = self.style.drawing(self.text)
        self._waits = self._drawing is None and self.style.is_pending(self.text)
        self.sideways, self._flow = None, None
        if self._drawing is None:
            self._flow = Flow((Run(self.text),), self.style, self.style.body)
            return max(self._flow.lay(width - self.indent, self.style.line), self.style.line)
        room, wide = width - self.indent, self._drawing.width * self._size
        high = (self._drawing.ascent + self._drawing.descent) * self._size + 2 * _ABOVE
        if wide > room:
            self.sideways = Sideways()
            self.sideways.fit(room, wide)
            high += BAR
        return max(high, self.style.line)

    @property
    def waits(self) -> bool:
        return self._waits

    @property
    def _begin(self) -> float:
        """Where the formula begins, from the left of the content."""
        if self._drawing is None:
            return 0.0
        return max(0.0, (self.inner - self._drawing.width * self._size) / 2)

    def adopt(self, leaf: Leaf) -> bool:
        self.changed_from = self.height
        return leaf == self._leaf

    def hot_spots(self) -> list[HotSpot]:
        """The bar of a wide one, for the keyboard; the mouse drags it."""
        if self.sideways is None:
            return []
        handle = self.sideways.handle(self.left, self.height)
        return [HotSpot("copy-formula", handle, tr("Wide formula: Left and Right move it, Enter copies its source"))]

    def offset_at(self, point: QPointF) -> int:
        if self._flow is not None:
            return self._flow.offset_at(point.x() - self.left, point.y())
        middle = self.left + self.inner / 2
        return 0 if point.y() < 0 or (point.y() < self.height and point.x() < middle) else units(self.text)

    def paint(self, painter: QPainter, visible: QRectF, selected: Span | None) -> None:
        self.paint_frame(painter)
        painter.setPen(self.style.color("text_muted" if self.place.reasoning else "text"))
        self.paint_marker(painter, self.style.body, self.style.line)
        if self._flow is not None:
            self._flow.paint(painter, QPointF(self.left, 0), selected, visible)
        drawing = self._drawing
        if drawing is None:
            return
        moved = self.sideways.offset if self.sideways is not None else 0.0
        x, wide = self.left + self._begin, drawing.width * self._size
        high = self.height - (BAR if self.sideways is not None else 0.0)
        baseline = (high - (drawing.ascent + drawing.descent) * self._size) / 2 + drawing.ascent * self._size
        painter.save()
        painter.setClipRect(QRectF(self.left, 0, self.inner, self.height), Qt.ClipOperation.IntersectClip)
        if selected is not None and selected[0] < selected[1]:
            painter.fillRect(QRectF(x - moved, 0, wide, high), self.style.color("selection"))
        paint_drawing(painter, drawing, QPointF(x - moved, baseline), self._size)
        if self.sideways is not None:
            self.sideways.paint(painter, self.style, self.left, self.height)
        painter.restore()
