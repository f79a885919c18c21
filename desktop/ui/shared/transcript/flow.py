"""Text in lines, in which formulas stand like words: laid out, painted, and asked for places.

To Qt a formula is one invisible letter that is as wide as the formula; to whoever selects text it is its source.
Offsets are UTF-16 units of the source; "positions" are those of Qt's layout.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QTextCharFormat, QTextLayout, QTextLine, QTextOption

from desktop.core.markdown import Runs
from desktop.core.text import is_right_to_left
from desktop.ui.shared.transcript.formulas import Drawing
from desktop.ui.shared.transcript.style import FORMULA_SCALE, Style
from desktop.ui.shared.transcript.units import units

Span = tuple[int, int]

_LEADING = 0.2  # em left free above and below a formula that is higher than its line
_LETTER = "x"  # breaks from its neighbours as a word does
_SMALLEST = 0.6  # of its size, where a formula is wider than the line; below that its source is shown


@dataclass(slots=True)
class _Place:
    """A formula at a position, for ``length`` units of the source from ``offset`` on; ``size`` is its em in pixels."""

    position: int
    offset: int
    length: int
    drawing: Drawing
    size: float


def wrapping() -> QTextOption:
    """Wrap at words, and within a word that is longer than the line."""
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    return option


class Flow:
    """Runs in one font. :meth:`lay` first, then all else. ``waits``: formulas in it are still to come."""

    def __init__(
        self, runs: Runs, style: Style, font: QFont, *, align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft
    ) -> None:
        self._runs, self._style, self._font, self._align = runs, style, font, align
        self.text = "".join(run.text for run in runs)
        self.waits = False
        self.tops: list[float] = []  # of the lines, formulas in them included
        self._places: list[_Place] = []
        self._made_for = -1.0
        self.layout = self._made(0.0)

    def _made(self, width: float) -> QTextLayout:
        """The layout, its formulas no wider than ``width`` (0: as wide as they are)."""
        style, parts, ranges = self._style, list[str](), list[QTextLayout.FormatRange]()
        self._places, self._made_for, self.waits = [], width, False
        position = offset = 0
        metrics: QFontMetricsF | None = None
        for run in self._runs:
            length = units(run.text)
            drawing = style.drawing(run.text) if run.math else None
            self.waits = self.waits or (bool(run.math) and drawing is None and style.is_pending(run.text))
            size = self._font.pixelSize() * FORMULA_SCALE
            if drawing is not None and 0 < width < drawing.width * size:
                size = width / drawing.width
                drawing = drawing if size >= self._font.pixelSize() * _SMALLEST else None
            if drawing is not None:
                metrics = metrics or QFontMetricsF(self._font)
                self._places.append(_Place(position, offset, length, drawing, size))
                ranges.append(style.range(position, 1, _gap(drawing.width * size - metrics.horizontalAdvance(_LETTER))))
                parts.append(_LETTER)
                position += 1
            else:
                shape = style.format_of(run)
                if shape is not None:
                    ranges.append(style.range(position, length, shape))
                parts.append(run.text)
                position += length
            offset += length
        layout = QTextLayout("".join(parts).replace("\n", "\u2028"), self._font)
        option = wrapping()
        option.setAlignment(self._align)
        if is_right_to_left(self.text):
            option.setTextDirection(Qt.LayoutDirection.RightToLeft)
            if self._align == Qt.AlignmentFlag.AlignLeft:
                option.setAlignment(Qt.AlignmentFlag.AlignRight)
        layout.setTextOption(option)
        layout.setCacheEnabled(True)
        layout.setFormats(ranges)
        return layout

    # -- offsets and positions -------------------------------------------------------------------

    def position(self, offset: int) -> int:
        """Where an offset stands in the layout; within a formula: before it."""
        shift = 0
        for place in self._places:
            if offset <= place.offset:
                break
            if offset < place.offset + place.length:
                return place.position
            shift += place.length - 1
        return offset - shift

    def offset(self, position: int) -> int:
        """What offset a position of the layout is."""
        return position + sum(place.length - 1 for place in self._places if place.position < position)

    # -- lines -----------------------------------------------------------------------------------

    def lay(self, width: float, line_height: float) -> float:
        """Break into lines of the width, each as high as what stands in it; the height of all of them."""
        wide = any(place.drawing.width * self._font.pixelSize() * FORMULA_SCALE > width for place in self._places)
        if (wide and self._made_for != width) or (self._made_for > 0 and self._made_for != width):
            self.layout = self._made(max(width, 1.0))
        y, layout = 0.0, self.layout
        self.tops = []
        layout.beginLayout()
        while (line := layout.createLine()).isValid():
            line.setLineWidth(max(width, 1.0))
            above, below = self._beyond(line)
            self.tops.append(y)
            height = max(line_height, line.height() + above + below)
            slack = max(0.0, line_height - line.height() - above - below)
            line.setPosition(QPointF(0, y + above + slack / 2))
            y += height
        layout.endLayout()
        return y

    def _beyond(self, line: QTextLine) -> tuple[float, float]:
        """How far formulas reach above and below the letters of a line."""
        first, last = line.textStart(), line.textStart() + line.textLength()
        above = below = 0.0
        for place in self._places:
            if first <= place.position < last:
                leading = _LEADING * place.size
                above = max(above, place.drawing.ascent * place.size - line.ascent() + leading)
                below = max(below, place.drawing.descent * place.size - line.descent() + leading)
        return above, below

    @property
    def natural_width(self) -> float:
        """The width of the longest line."""
        lines = range(self.layout.lineCount())
        return max((self.layout.lineAt(number).naturalTextWidth() for number in lines), default=0.0)

    def line_offset(self, number: int) -> int:
        """The offset at which a line begins."""
        return self.offset(self.layout.lineAt(number).textStart())

    def offset_at(self, x: float, y: float) -> int:
        """The offset nearest to a point."""
        layout = self.layout
        for number in range(layout.lineCount()):
            line = layout.lineAt(number)
            last = number == layout.lineCount() - 1
            if last or y < (line.y() + line.height() + layout.lineAt(number + 1).y()) / 2:
                return self.offset(line.xToCursor(x))
        return 0

    def hit(self, x: float, y: float) -> int:
        """The offset of what is painted at a point, -1 where nothing is."""
        for number in range(self.layout.lineCount()):
            line = self.layout.lineAt(number)
            if line.naturalTextRect().contains(QPointF(x, y)):
                return self.offset(line.xToCursor(x, line.CursorPosition.CursorOnCharacter))
        return -1

    def stretch(self, start: int, end: int) -> QRectF:
        """The rectangle of a stretch of text, of its first line where it has several."""
        first, last = self.position(start), self.position(end)
        line = self.layout.lineForTextPosition(first)
        if not line.isValid():
            return QRectF()
        one = _x(line.cursorToX(first))
        two = _x(line.cursorToX(min(last, line.textStart() + line.textLength())))
        return QRectF(min(one, two), line.y(), abs(two - one), line.height())

    def paint(self, painter: QPainter, origin: QPointF, selected: Span | None, clip: QRectF | None = None) -> None:
        """Paint at a place, in the painter's pen; ``selected`` in offsets."""
        ranges = []
        if selected is not None and selected[0] < selected[1]:
            first, last = self.position(selected[0]), self.position(selected[1])
            inside = any(place.offset < selected[1] < place.offset + place.length for place in self._places)
            ranges.append(self._style.range(first, max(last + inside - first, 1), self._style.selection))
        if self._style.paper and clip is not None:
            self._draw_lines(painter, origin, clip)
        else:
            self.layout.draw(painter, origin, ranges, QRectF() if clip is None else clip)
        for place in self._places:
            line = self.layout.lineForTextPosition(place.position)
            if line.isValid():
                x = min(_x(line.cursorToX(place.position)), _x(line.cursorToX(place.position + 1)))
                paint_drawing(painter, place.drawing, origin + QPointF(x, line.y() + line.ascent()), place.size)

    def _draw_lines(self, painter: QPainter, origin: QPointF, clip: QRectF) -> None:
        """The lines in a rectangle alone: Qt draws one more, which could be found and copied on paper."""
        for number in range(self.layout.lineCount()):
            line = self.layout.lineAt(number)
            middle = origin.y() + line.y() + line.height() / 2
            if clip.top() <= middle <= clip.bottom():
                line.draw(painter, origin)


def paint_drawing(painter: QPainter, drawing: Drawing, baseline: QPointF, size: float) -> None:
    """Fill a formula in the colour of the pen; ``size`` is its em in pixels."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(baseline)
    painter.scale(size, size)
    painter.fillPath(drawing.path, painter.pen().color())
    painter.restore()


def _gap(width: float) -> QTextCharFormat:
    """The format of the letter that a formula stands for: nothing to see, so much wider than it is."""
    made = QTextCharFormat()
    made.setForeground(QColor(0, 0, 0, 0))
    made.setFontLetterSpacingType(QFont.SpacingType.AbsoluteSpacing)
    made.setFontLetterSpacing(width)
    return made


def _x(found: object) -> float:
    """PySide returns cursorToX as (x, position)."""
    return float(found[0]) if isinstance(found, tuple) else float(found)  # type: ignore[arg-type]
