"""A code block, or one part of a long one."""

from __future__ import annotations

import time

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen, QTextLayout, QTextOption

from desktop.core.words import tr
from desktop.ui.shared.transcript.highlight import Stretch, highlight
from desktop.ui.shared.transcript.leaves import CodeLeaf, Leaf
from desktop.ui.shared.transcript.row import ALIGN_LEFT, HotSpot, Span, TranscriptRow, lay_lines
from desktop.ui.shared.transcript.style import Style
from desktop.ui.shared.transcript.units import units

_HEADER = 26.0
_PADDING = 10.0
_SIDE = 14.0
_SECONDS_BETWEEN_COLOURS = 0.7  # colouring 3,000 characters takes some 4 ms, so an open block is coloured seldom


class _Line:
    """One line of code, laid out on its own so that an appended line leaves the others alone."""

    __slots__ = ("_width", "height", "layout", "text", "y")

    def __init__(self, text: str, style: Style, width: float, colours: list[Stretch]) -> None:
        self.text = text
        self.y = 0.0
        self._width = width
        self.layout = QTextLayout(text, style.mono)
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAnywhere)
        option.setTabStopDistance(4 * style.mono_metrics.horizontalAdvance(" "))
        self.layout.setTextOption(option)
        self.layout.setCacheEnabled(True)
        self.colour(style, colours)

    def colour(self, style: Style, colours: list[Stretch]) -> None:
        """Lay the line out in these colours: setFormats drops the glyphs of a layout that was already there."""
        ranges = []
        for start, length, token in colours:
            before, inside = units(self.text[:start]), units(self.text[start : start + length])
            ranges.append(style.range(before, inside, style.syntax(token)))
        self.layout.setFormats(ranges)
        self.height = max(lay_lines(self.layout, self._width, style.code_line), style.code_line)


class CodeRow(TranscriptRow):
    """Own background, language and copy button on top of the first part; long lines wrap anywhere."""

    def __init__(self, style: Style, leaf: CodeLeaf) -> None:
        super().__init__(style, leaf.place)
        self._lines: list[_Line] = []
        self._coloured_at = 0.0
        self._ends = True
        self._set(leaf)

    def _set(self, leaf: CodeLeaf) -> None:
        self._leaf = leaf
        self.text = leaf.block.text.removesuffix("\n")

    @property
    def code(self) -> str:
        """The code of this part as it was written."""
        return self._leaf.block.text

    @property
    def _top(self) -> float:
        return 4.0 if self.place.continues else _HEADER + 4.0

    def estimate(self, width: float) -> float:
        lines = self.text.count("\n") + 1
        return self._top + lines * self.style.code_line + _PADDING

    def _colours(self) -> list[list[Stretch]]:
        self._coloured_at = time.monotonic()
        return highlight(self._leaf.block.language, self.text)

    def measure(self, width: float) -> float:
        inner = width - self.indent - 2 * _SIDE
        colours = self._colours()
        self._lines = [
            _Line(line, self.style, inner, colours[n] if n < len(colours) else [])
            for n, line in enumerate(self.text.split("\n"))
        ]
        return self._stack(0)

    def _stack(self, first: int) -> float:
        y = self._lines[first - 1].y + self._lines[first - 1].height if first else self._top
        for line in self._lines[first:]:
            line.y = y
            y += line.height
        return y + (_PADDING if self._ends else 4.0)

    def adopt(self, leaf: Leaf) -> bool:
        if not isinstance(leaf, CodeLeaf) or leaf.place != self.place:
            return False
        self.changed_from = self.height
        if leaf == self._leaf:
            return True
        before = self._leaf.block
        self._set(leaf)
        if self.width < 0:
            return True
        texts = self.text.split("\n")
        same = 0
        for line, text in zip(self._lines, texts, strict=False):
            if line.text != text:
                break
            same += 1
        inner = self.inner - 2 * _SIDE
        self._lines[same:] = [_Line(text, self.style, inner, []) for text in texts[same:]]
        self.height = self._stack(same)
        self.changed_from = self._lines[same].y if same < len(self._lines) else self.height - _PADDING
        if leaf.block.language != before.language:
            self.changed_from = 0.0
        closing = leaf.block.closed and not before.closed
        if closing or time.monotonic() - self._coloured_at > _SECONDS_BETWEEN_COLOURS:
            self._recolour()
            self.height = self._stack(0)
            self.changed_from = 0.0
        return True

    def _recolour(self) -> None:
        for line, colours in zip(self._lines, self._colours(), strict=False):
            line.colour(self.style, colours)

    @property
    def cuts(self) -> list[float]:
        pieces = [(line.y, line.layout.lineAt(n)) for line in self._lines for n in range(line.layout.lineCount())]
        return [y + (piece.y() if piece.lineNumber() else 0.0) for y, piece in pieces[not self.place.continues :]]

    def hot_spots(self) -> list[HotSpot]:
        if self.place.continues or self.style.paper:
            return []
        width = self.style.small_metrics.horizontalAdvance(tr("Copy code")) + 16
        return [
            HotSpot("copy-code", QRectF(self.left + self.inner - width - 4, 3, width, _HEADER - 6), tr("Copy code"))
        ]

    def offset_at(self, point: QPointF) -> int:
        position = 0
        for line in self._lines:
            if point.y() < line.y + line.height:
                inside = QPointF(point.x() - self.left - _SIDE, point.y() - line.y)
                for index in range(line.layout.lineCount()):
                    piece = line.layout.lineAt(index)
                    if inside.y() < piece.y() + piece.height() + 2 or index == line.layout.lineCount() - 1:
                        return position + piece.xToCursor(inside.x())
                return position
            position += units(line.text) + 1
        return units(self.text)

    def caret(self) -> QRectF | None:
        if not self._lines or self._leaf.block.closed:
            return None
        line = self._lines[-1]
        last = line.layout.lineAt(line.layout.lineCount() - 1) if line.layout.lineCount() else None
        x = last.naturalTextWidth() if last is not None else 0.0
        y = last.y() if last is not None else 0.0
        return QRectF(self.left + _SIDE + x + 1, line.y + y, 7, self.style.mono_metrics.height())

    def _paint_box(self, painter: QPainter, visible: QRectF) -> None:
        box = QRectF(self.left + 0.5, 0.5, self.inner - 1, self.height - 1)
        if self.place.continues:
            box.setTop(-20.0)  # the rounded corners fall outside the clip: parts join without a seam
        if not self._ends:
            box.setBottom(self.height + 20.0)
        path = QPainterPath()
        path.addRoundedRect(box, 8, 8)
        painter.save()
        painter.setClipRect(QRectF(0, 0, self.width, self.height), Qt.ClipOperation.IntersectClip)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.style.color("border"), 1))
        painter.setBrush(self.style.color("code_background"))
        painter.drawPath(path)
        painter.restore()
        if not self.place.continues and visible.top() < _HEADER:
            painter.setFont(self.style.small)
            painter.setPen(self.style.color("text_muted"))
            name = self._leaf.block.language or "text"
            painter.drawText(QRectF(self.left + _SIDE, 2, self.width / 2, _HEADER - 4), ALIGN_LEFT, name[:40])
            for hot in self.hot_spots():
                painter.drawText(hot.rect, Qt.AlignmentFlag.AlignCenter, hot.label)

    def paint(self, painter: QPainter, visible: QRectF, selected: Span | None) -> None:
        self.paint_frame(painter)
        self._paint_box(painter, visible)
        painter.setPen(self.style.color("code_text"))
        position = 0
        for line in self._lines:
            length = units(line.text)
            if line.y + line.height >= visible.top():
                if line.y > visible.bottom():
                    break
                ranges = []
                if selected is not None:
                    start, stop = max(selected[0] - position, 0), min(selected[1] - position, length)
                    if start < stop:
                        ranges.append(self.style.range(start, stop - start, self.style.selection))
                line.layout.draw(painter, QPointF(self.left + _SIDE, line.y), ranges)
            position += length + 1

    def set_ends(self, ends: bool) -> None:
        """Whether the frame closes below this part (no other part follows)."""
        if ends != self._ends:
            self._ends = ends
            if self._lines:
                self._recolour()
                self.height = self._stack(0)
