"""A table, or one part of a long one, laid out as a grid."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QTextLayout, QTextOption

from desktop.core.markdown import Alignment, Runs
from desktop.ui.shared.transcript.leaves import Leaf, TableLeaf
from desktop.ui.shared.transcript.row import Span, TranscriptRow, lay_lines, wrapping
from desktop.ui.shared.transcript.style import Style
from desktop.ui.shared.transcript.units import units

_SIDE = 9.0
_ABOVE = 5.0
_NARROWEST = 48.0

_ALIGN: dict[Alignment, Qt.AlignmentFlag] = {
    "left": Qt.AlignmentFlag.AlignLeft,
    "center": Qt.AlignmentFlag.AlignHCenter,
    "right": Qt.AlignmentFlag.AlignRight,
}


class _Cell:
    """One cell; it is laid out again only when its column's width changes."""

    def __init__(self, runs: Runs, style: Style, alignment: Alignment, *, head: bool) -> None:
        self.text = "".join(run.text for run in runs)
        self.layout = QTextLayout(self.text.replace("\n", "\u2028"), style.bold if head else style.body)
        option = QTextOption(wrapping())
        option.setAlignment(_ALIGN[alignment])
        self.layout.setTextOption(option)
        self.layout.setCacheEnabled(True)
        self.layout.setFormats(style.ranges(runs))
        self._width = -1.0
        self._line = style.line
        lay_lines(self.layout, 10_000, style.line)
        lines = range(self.layout.lineCount())
        self.natural = max((self.layout.lineAt(i).naturalTextWidth() for i in lines), default=0.0) + 1
        self.height = float(style.line)

    def lay_out(self, width: float) -> None:
        if width != self._width:
            self._width = width
            self.height = max(lay_lines(self.layout, width, self._line), self._line)


def column_widths(natural: list[float], available: float) -> list[float]:
    """Natural widths when they fit; otherwise narrow columns keep theirs and wide ones share the rest."""
    if sum(natural) <= available:
        return natural
    widths = [0.0] * len(natural)
    left, open_columns = available, sorted(range(len(natural)), key=lambda c: natural[c])
    while open_columns:
        share = max(left / len(open_columns), _NARROWEST)
        column = open_columns.pop(0)
        widths[column] = min(natural[column], share)
        left -= widths[column]
    return widths


class TableRow(TranscriptRow):
    """Columns as wide as their content where there is room; cells wrap."""

    def __init__(self, style: Style, leaf: TableLeaf) -> None:
        super().__init__(style, leaf.place)
        self._cells: list[list[_Cell]] = []
        self._known: dict[tuple[int, bool, Runs], _Cell] = {}
        self._widths: list[float] = []
        self._tops: list[float] = []
        self.columns_of: TableRow | None = None  # the part before, whose columns this part goes on with
        self._set(leaf)

    def _set(self, leaf: TableLeaf) -> None:
        self._leaf = leaf
        block = leaf.block
        self._rows = block.rows if leaf.place.continues else (block.header, *block.rows)
        self.text = "\n".join("\t".join("".join(r.text for r in cell) for cell in row) for row in self._rows)

    def estimate(self, width: float) -> float:
        return len(self._rows) * (self.style.line + 2 * _ABOVE + 1) + 1

    def _build(self) -> None:
        known: dict[tuple[int, bool, Runs], _Cell] = {}
        self._cells = []
        for number, row in enumerate(self._rows):
            head = number == 0 and not self.place.continues
            cells = []
            for column, runs in enumerate(row):
                key = (column, head, runs)
                cell = known.get(key) or self._known.get(key)
                if cell is None:
                    cell = _Cell(runs, self.style, self._leaf.block.alignments[column], head=head)
                known[key] = cell
                cells.append(cell)
            self._cells.append(cells)
        self._known = known

    def measure(self, width: float) -> float:
        self._build()
        columns = len(self._leaf.block.header)
        if self.columns_of is not None and len(self.columns_of._widths) == columns:
            self._widths = self.columns_of._widths
        else:
            natural = [max(row[c].natural for row in self._cells) for c in range(columns)]
            self._widths = column_widths(natural, width - self.left - columns * 2 * _SIDE - 1)
        self._tops = [0.0]
        for row in self._cells:
            for cell, wide in zip(row, self._widths, strict=True):
                cell.lay_out(wide)
            self._tops.append(self._tops[-1] + max(c.height for c in row) + 2 * _ABOVE + 1)
        return self._tops[-1] + 1

    @property
    def natural_width(self) -> float:
        return self.left + sum(self._widths) + len(self._widths) * 2 * _SIDE + 1

    def adopt(self, leaf: Leaf) -> bool:
        if not isinstance(leaf, TableLeaf) or leaf.place != self.place:
            return False
        self.changed_from = self.height
        if leaf == self._leaf:
            return True
        widths, rows = self._widths, len(self._tops) - 1
        self._set(leaf)
        if self.width >= 0:
            self.height = self.measure(self.width)
            same = widths == self._widths and rows > 0
            self.changed_from = self._tops[min(rows - 1, len(self._tops) - 1)] if same else 0.0
        return True

    def offset_at(self, point: QPointF) -> int:
        position = 0
        for number, row in enumerate(self._cells):
            inside = point.y() < self._tops[number + 1] or number == len(self._cells) - 1
            x = self.left
            for cell, wide in zip(row, self._widths, strict=True):
                x += wide + 2 * _SIDE
                if inside and (point.x() < x or cell is row[-1]):
                    start = x - wide - _SIDE
                    return position + self._in_cell(cell, point.x() - start, point.y() - self._tops[number] - _ABOVE)
                position += units(cell.text) + 1
        return units(self.text)

    @staticmethod
    def _in_cell(cell: _Cell, x: float, y: float) -> int:
        for index in range(cell.layout.lineCount()):
            line = cell.layout.lineAt(index)
            if y < line.y() + line.height() + 2 or index == cell.layout.lineCount() - 1:
                return line.xToCursor(x)
        return 0

    def paint(self, painter: QPainter, visible: QRectF, selected: Span | None) -> None:
        self.paint_frame(painter)
        border = self.style.color("border")
        width = self.natural_width - self.left
        position = 0
        for number, row in enumerate(self._cells):
            top, bottom = self._tops[number], self._tops[number + 1]
            shown = bottom >= visible.top() and top <= visible.bottom()
            if shown and number == 0 and not self.place.continues:
                painter.fillRect(QRectF(self.left, top, width, bottom - top), self.style.color("raised"))
            x = self.left + _SIDE
            for cell, wide in zip(row, self._widths, strict=True):
                length = units(cell.text)
                if shown:
                    ranges = []
                    if selected is not None:
                        start, stop = max(selected[0] - position, 0), min(selected[1] - position, length)
                        if start < stop:
                            ranges.append(self.style.range(start, stop - start, self.style.selection))
                    painter.setPen(self.style.color("text"))
                    cell.layout.draw(painter, QPointF(x, top + _ABOVE + 1), ranges)
                position += length + 1
                x += wide + 2 * _SIDE
            if shown:
                painter.fillRect(QRectF(self.left, top, width, 1), border)
        painter.fillRect(QRectF(self.left, self._tops[-1], width, 1), border)
        x = self.left
        for wide in (*self._widths, 0.0):
            painter.fillRect(QRectF(x, visible.top(), 1, visible.height()) & QRectF(x, 0, 1, self.height), border)
            x += wide + 2 * _SIDE
