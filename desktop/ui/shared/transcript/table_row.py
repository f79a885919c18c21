"""A table, or one part of a long one, laid out as a grid; wider than the column, it is scrolled sideways."""

from __future__ import annotations

from itertools import accumulate

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter

from desktop.core.markdown import Alignment, Runs, Table
from desktop.core.words import tr
from desktop.ui.shared.transcript.column_widths import column_widths, least_width
from desktop.ui.shared.transcript.flow import Flow
from desktop.ui.shared.transcript.leaves import Leaf, TableLeaf
from desktop.ui.shared.transcript.row import HotSpot, HotSpotKind, Span, TranscriptRow
from desktop.ui.shared.transcript.sideways import BAR, Sideways
from desktop.ui.shared.transcript.style import Style
from desktop.ui.shared.transcript.units import units

_SIDE = 9.0
_ABOVE = 5.0
_WIDEST = 10_000.0
_HIGH = 12  # lines of a row that may be cut by the end of a page
_HEADER = 24.0  # the line of actions above the first part
_COPIES: tuple[tuple[HotSpotKind, str, str], ...] = (
    ("copy-csv", tr("Copy CSV"), tr("Copy the table as comma-separated values")),
    ("copy-table", tr("Copy Markdown"), tr("Copy the table as Markdown")),
)

_ALIGN: dict[Alignment, Qt.AlignmentFlag] = {
    "left": Qt.AlignmentFlag.AlignLeft,
    "center": Qt.AlignmentFlag.AlignHCenter,
    "right": Qt.AlignmentFlag.AlignRight,
}


class _Cell:
    """One cell; it is laid out again only when its column's width changes."""

    def __init__(self, runs: Runs, style: Style, alignment: Alignment, *, head: bool, mirrored: bool) -> None:
        font = style.bold if head else style.body
        align = _ALIGN["right"] if mirrored and alignment == "left" else _ALIGN[alignment]
        self.flow = Flow(runs, style, font, align=align)
        self.text = self.flow.text.replace("\n", " ")  # a break within a cell is no row to whoever selects it
        self._width = -1.0
        self._line = style.line
        self.flow.lay(_WIDEST, style.line)
        self.natural = self.flow.natural_width + 1
        formula = any(run.math for run in runs)
        self.least = self.natural if formula else least_width(self.flow.text, QFontMetricsF(font))
        self.height = float(style.line)

    def lay_out(self, width: float) -> None:
        if width != self._width:
            self._width = width
            self.height = max(self.flow.lay(width, self._line), self._line)


class TableRow(TranscriptRow):
    """Columns as wide as their content where there is room; cells wrap, at words."""

    def __init__(self, style: Style, leaf: TableLeaf) -> None:
        super().__init__(style, leaf.place)
        self._cells: list[list[_Cell]] = []
        self._known: dict[tuple[int, bool, Runs], _Cell] = {}
        self._widths: list[float] = []
        self._lefts: list[float] = []  # of the columns' text
        self._tops: list[float] = []
        self._ends = True
        self.columns_of: TableRow | None = None  # the part before, whose columns this part goes on with
        self._set(leaf)

    def _set(self, leaf: TableLeaf) -> None:
        self._leaf = leaf
        block = leaf.block
        self._rows = block.rows if leaf.place.continues else (block.header, *block.rows)
        self.text = "\n".join(
            "\t".join("".join(r.text for r in cell).replace("\n", " ") for cell in row) for row in self._rows
        )

    @property
    def table(self) -> Table:
        """The table, or this part of it."""
        return self._leaf.block

    @property
    def _top(self) -> float:
        return 0.0 if self.place.continues or self.style.paper else _HEADER

    def estimate(self, width: float) -> float:
        return self._top + len(self._rows) * (self.style.line + 2 * _ABOVE + 1) + 1

    def _build(self) -> None:
        known: dict[tuple[int, bool, Runs], _Cell] = {}
        self._cells = []
        for number, row in enumerate(self._rows):
            head = number == 0 and not self.place.continues
            cells = []
            for column, runs in enumerate(row):
                key = (column, head, runs)
                cell = known.get(key) or self._known.get(key)
                if cell is None or cell.flow.waits:
                    alignment, mirrored = self._leaf.block.alignments[column], self.place.mirrored
                    cell = _Cell(runs, self.style, alignment, head=head, mirrored=mirrored)
                known[key] = cell
                cells.append(cell)
            self._cells.append(cells)
        self._known = known

    def measure(self, width: float) -> float:
        self._build()
        columns = len(self._leaf.block.header)
        room = width - self.indent
        before = self.columns_of
        if before is not None and len(before._widths) == columns:
            self._widths, self.sideways = before._widths, before.sideways
        else:
            natural = [max(row[c].natural for row in self._cells) for c in range(columns)]
            least = [max(row[c].least for row in self._cells) for c in range(columns)]
            self._widths = column_widths(natural, least, room - columns * 2 * _SIDE - 1)
        order = self._widths[::-1] if self.place.mirrored else self._widths
        lefts = [x + _SIDE for x in accumulate((wide + 2 * _SIDE for wide in order[:-1]), initial=0.0)]
        self._lefts = lefts[::-1] if self.place.mirrored else lefts
        if before is None or self.sideways is None:
            self._fit(room)
        self._tops = [self._top]
        for row in self._cells:
            for cell, wide in zip(row, self._widths, strict=True):
                cell.lay_out(wide)
            self._tops.append(self._tops[-1] + max(c.height for c in row) + 2 * _ABOVE + 1)
        return self._tops[-1] + 1 + self._bar

    def _fit(self, room: float) -> None:
        whole = self._grid_width
        if whole <= room + 0.5:
            self.sideways = None
            return
        if self.sideways is None:
            self.sideways = Sideways()
            self.sideways.fit(room, whole)
            if self.place.mirrored:
                self.sideways.by(whole)  # a table that is read from the right begins there
        self.sideways.fit(room, whole)

    @property
    def _bar(self) -> float:
        return BAR if self.sideways is not None and self._ends else 0.0

    @property
    def _grid_width(self) -> float:
        return sum(self._widths) + len(self._widths) * 2 * _SIDE + 1

    @property
    def _grid_left(self) -> float:
        """Where the grid begins in the row, scrolled as it is."""
        if self.sideways is not None:
            return self.left - self.sideways.offset
        return self.inner - self._grid_width if self.place.mirrored else self.left

    @property
    def natural_width(self) -> float:
        return min(self.width, self.indent + self._grid_width)

    @property
    def waits(self) -> bool:
        return any(cell.flow.waits for row in self._cells for cell in row)

    @property
    def cuts(self) -> list[float]:
        """Between its rows, not below the header; in a high row between lines that are side by side in all cells."""
        found = list(self._tops[1 if self.place.continues else 2 : -1])
        for top, bottom, row in zip(self._tops[:-1], self._tops[1:], self._cells, strict=True):
            if bottom - top < _HIGH * self.style.line:
                continue
            lines = [{top + _ABOVE + 1 + y for y in cell.flow.tops} for cell in row]
            longest = max(lines, key=len, default=set())
            ends = [max(own, default=0.0) + self.style.line - 0.5 for own in lines]
            found += [
                y
                for y in sorted(longest)[1:]
                if all(y in own or y >= end for own, end in zip(lines, ends, strict=True))
            ]
        return sorted(found)

    def set_ends(self, ends: bool) -> None:
        """Whether no other part follows: the bar is below the last one."""
        if ends != self._ends:
            self._ends = ends
            if self._tops:
                self.height = self._tops[-1] + 1 + self._bar

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

    def hot_spots(self) -> list[HotSpot]:
        if self.place.continues:
            return []
        found, metrics = [], self.style.small_metrics
        sizes = [metrics.horizontalAdvance(words) + 14 for _, words, _ in _COPIES]
        grid = min(self.inner, max(self._grid_width, sum(sizes) + _HEADER))
        x = self.left + (self.inner - grid if self.place.mirrored else grid - sum(sizes))
        for (kind, _, label), wide in zip(_COPIES, sizes, strict=True):
            found.append(HotSpot(kind, QRectF(x, 1, wide, _HEADER - 4), label))
            x += wide
        return found

    def offset_at(self, point: QPointF) -> int:
        position, along = 0, point.x() - self._grid_left
        for number, row in enumerate(self._cells):
            inside = point.y() < self._tops[number + 1] or number == len(self._cells) - 1
            for column, cell in enumerate(row):
                x = self._lefts[column]
                if inside and (x - _SIDE <= along < x + self._widths[column] + _SIDE or self._is_off(along, column)):
                    y = point.y() - self._tops[number] - _ABOVE
                    return position + cell.flow.offset_at(along - x, y)
                position += units(cell.text) + 1
        return units(self.text)

    def _is_off(self, along: float, column: int) -> bool:
        """Whether a place beside the grid is nearest to this column."""
        first, last = min(self._lefts), max(self._lefts)
        x = self._lefts[column]
        return (along < first - _SIDE and x == first) or (x == last and along >= last + self._widths[column] + _SIDE)

    def paint(self, painter: QPainter, visible: QRectF, selected: Span | None) -> None:
        self.paint_frame(painter)
        if not self.place.continues and not self.style.paper:
            self._paint_actions(painter)
        painter.save()
        room = QRectF(self.left, 0, self.inner, self.height)
        painter.setClipRect(room, Qt.ClipOperation.IntersectClip)
        self._paint_grid(painter, visible, selected)
        if self.sideways is not None and self._ends:
            self.sideways.paint(painter, self.style, self.left, self.height)
        painter.restore()

    def _paint_actions(self, painter: QPainter) -> None:
        painter.setFont(self.style.small)
        painter.setPen(self.style.color("text_muted"))
        for hot, (_, words, _) in zip(self.hot_spots(), _COPIES, strict=True):
            painter.drawText(hot.rect, Qt.AlignmentFlag.AlignCenter, words)

    def _paint_grid(self, painter: QPainter, visible: QRectF, selected: Span | None) -> None:
        border = self.style.color("border")
        width, left, top_of_all = self._grid_width, self._grid_left, self._top
        position = 0
        for number, row in enumerate(self._cells):
            top, bottom = self._tops[number], self._tops[number + 1]
            shown = bottom >= visible.top() and top <= visible.bottom()
            if shown and number == 0 and not self.place.continues:
                painter.fillRect(QRectF(left, top, width, bottom - top), self.style.color("raised"))
            for cell, x in zip(row, self._lefts, strict=True):
                length = units(cell.text)
                if shown:
                    painter.setPen(self.style.color("text"))
                    span = None if selected is None else (selected[0] - position, min(selected[1] - position, length))
                    inside = None if span is None or span[1] <= 0 else (max(span[0], 0), span[1])
                    cell.flow.paint(painter, QPointF(left + x, top + _ABOVE + 1), inside)
                position += length + 1
            if shown:
                painter.fillRect(QRectF(left, top, width, 1), border)
        last = self._tops[-1]
        painter.fillRect(QRectF(left, last, width, 1), border)
        for x in (*self._lefts, width + _SIDE - 1):
            line = QRectF(left + x - _SIDE, top_of_all, 1, last - top_of_all + 1)
            painter.fillRect(line & visible.adjusted(-_WIDEST, 0, _WIDEST, 0), border)
