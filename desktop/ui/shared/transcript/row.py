"""Rows: what a message is painted from. A row lays itself out only when it is about to be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QTextLayout, QTextOption

from desktop.ui.shared.transcript.leaves import Leaf, LeafPosition, RuleLeaf, TextLeaf
from desktop.ui.shared.transcript.style import LINE_SPACING, Style
from desktop.ui.shared.transcript.units import units

HotSpotKind = Literal[
    "link", "fold", "copy-code", "copy-reasoning", "regenerate", "edit", "copy", "continue", "previous", "next"
]
Span = tuple[int, int]
ALIGN_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True, slots=True)
class HotSpot:
    """Something in a row that can be clicked or reached with Tab; ``rect`` is relative to the row."""

    kind: HotSpotKind
    rect: QRectF
    label: str
    value: str = ""


def wrapping() -> QTextOption:
    """Wrap at words, and within a word that is longer than the line."""
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    return option


def lay_lines(layout: QTextLayout, width: float, line_height: float) -> float:
    """Break the layout into lines of the width; the height of all of them."""
    y = 0.0
    layout.beginLayout()
    while (line := layout.createLine()).isValid():
        line.setLineWidth(max(width, 1.0))
        height = max(line_height, line.height())
        line.setPosition(QPointF(0, y + (height - line.height()) / 2))
        y += height
    layout.endLayout()
    return y


class TranscriptRow:
    """Base of all rows. Coordinates are relative to the row's top left corner."""

    text = ""  # what can be selected, in the order of reading

    def __init__(self, style: Style, place: LeafPosition) -> None:
        self.style = style
        self.place = place
        self.width = -1.0  # the width it is laid out for; negative: only estimated
        self.height = 0.0
        self.changed_from = 0.0  # where the last change in place began; nothing above needs painting

    @property
    def gap(self) -> float:
        """Distance to the row above."""
        if self.place.continues:
            return 0.0
        return self.style.item_gap if self.place.tight else self.style.block_gap

    @property
    def left(self) -> float:
        """Where content starts, right of quote bars and list indent."""
        return self.place.bars * 14.0 + self.place.depth * self.style.indent

    @property
    def natural_width(self) -> float:
        """The width it would fill, at most the width it was laid out for."""
        return self.width

    def estimate(self, width: float) -> float:
        """A height for the scroll bar, without laying out."""
        return self.style.line

    def lay_out(self, width: float) -> None:
        """Find lines and height for the width; does nothing when they are known."""
        if width != self.width:
            self.width = width
            self.height = self.measure(width)

    def measure(self, width: float) -> float:
        """Lay out for the width; the height."""
        return self.style.line

    def adopt(self, leaf: Leaf) -> bool:
        """Become the row of a changed leaf in place, keeping what is unchanged; False when that is impossible."""
        return False

    def hot_spots(self) -> list[HotSpot]:
        """What can be clicked; the row is laid out."""
        return []

    def offset_at(self, point: QPointF) -> int:
        """The text position (UTF-16) nearest to the point."""
        return 0 if point.y() < self.height / 2 else units(self.text)

    def caret(self) -> QRectF | None:
        """Where the caret of a streaming answer stands after this row's text."""
        return None

    def paint(self, painter: QPainter, visible: QRectF, selected: Span | None) -> None:
        """Paint what lies in ``visible``; the painter's origin is the row's corner."""

    def paint_frame(self, painter: QPainter) -> None:
        """Quote bars; drawn over the gap above too, so that they join those of the row before."""
        for bar in range(self.place.bars):
            above = 0.0 if self.place.continues else 1.0
            painter.fillRect(QRectF(bar * 14.0, above, 3.0, self.height - above), self.style.color("border"))


class TextRow(TranscriptRow):
    """A paragraph, heading or list item."""

    def __init__(self, style: Style, leaf: TextLeaf, *, muted: bool = False) -> None:
        super().__init__(style, leaf.place)
        self._muted = muted or leaf.place.reasoning
        self._font = style.heading(leaf.level) if leaf.level else style.body
        self._line = round(self._font.pixelSize() * LINE_SPACING)
        self._set(leaf)

    def _set(self, leaf: TextLeaf) -> None:
        self._leaf = leaf
        self.text = "".join(run.text for run in leaf.runs)
        self._layout: QTextLayout | None = None

    @property
    def gap(self) -> float:
        return super().gap + (self.style.block_gap if 0 < self._leaf.level <= 3 else 0.0)

    @property
    def natural_width(self) -> float:
        layout = self._layout
        if layout is None:
            return self.width
        widest = max((layout.lineAt(i).naturalTextWidth() for i in range(layout.lineCount())), default=0.0)
        return min(self.width, self.left + widest + 1)

    def estimate(self, width: float) -> float:
        per_line = max(8.0, (width - self.left) / self.style.character)
        return self._line * (1 + self.text.count("\n") + int(len(self.text) / per_line))

    def measure(self, width: float) -> float:
        layout = QTextLayout(self.text.replace("\n", "\u2028"), self._font)
        layout.setTextOption(wrapping())
        layout.setCacheEnabled(True)
        ranges = self.style.ranges(self._leaf.runs)
        if ranges:
            layout.setFormats(ranges)
        height = lay_lines(layout, width - self.left, self._line)
        self._layout = layout
        return max(height, self._line)

    def adopt(self, leaf: Leaf) -> bool:
        if not isinstance(leaf, TextLeaf) or leaf.level != self._leaf.level or leaf.place != self.place:
            return False
        self.changed_from = self.height
        if leaf == self._leaf:
            return True
        before = self._layout
        # an appended word can pull the last word of the line before it down, so one line more is painted
        if before is not None and before.lineCount() > 1 and self._same_start(leaf, before):
            self.changed_from = max(0.0, (before.lineCount() - 2) * self._line)
        else:
            self.changed_from = 0.0
        width = self.width
        self._set(leaf)
        if width >= 0:
            self.height = self.measure(width)
        return True

    def _same_start(self, leaf: TextLeaf, before: QTextLayout) -> bool:
        """Whether everything above the last two lines is as it was."""
        start = before.lineAt(before.lineCount() - 1).textStart()
        position = 0
        for old, new in zip(self._leaf.runs, leaf.runs, strict=False):
            if old != new:
                same_style = (old.bold, old.italic, old.code, old.strike, old.link) == (
                    new.bold,
                    new.italic,
                    new.code,
                    new.strike,
                    new.link,
                )
                grown = same_style and new.text.startswith(old.text)
                return grown or position >= start
            position += units(old.text)
        return True

    def hot_spots(self) -> list[HotSpot]:
        found: list[HotSpot] = []
        position = 0
        for run in self._leaf.runs:
            length = units(run.text)
            if run.link and self._layout is not None:
                line = self._layout.lineForTextPosition(position)
                start = self._x(line.cursorToX(position))
                last = min(position + length, line.textStart() + line.textLength())
                stop = self._x(line.cursorToX(last))
                rect = QRectF(self.left + min(start, stop), line.y(), abs(stop - start), line.height())
                found.append(HotSpot("link", rect, f"Link: {run.link}", run.link))
            position += length
        return found

    @staticmethod
    def _x(found: object) -> float:
        """PySide returns cursorToX as (x, position)."""
        return float(found[0]) if isinstance(found, tuple) else float(found)  # type: ignore[arg-type]

    def link_at(self, point: QPointF) -> str:
        """The address under the point, on whichever line of the link it is."""
        layout = self._layout
        if layout is None:
            return ""
        inside = QPointF(point.x() - self.left, point.y())
        for index in range(layout.lineCount()):
            line = layout.lineAt(index)
            if line.naturalTextRect().contains(inside):
                at = line.xToCursor(inside.x(), line.CursorPosition.CursorOnCharacter)
                position = 0
                for run in self._leaf.runs:
                    position += units(run.text)
                    if at < position:
                        return run.link
        return ""

    def offset_at(self, point: QPointF) -> int:
        layout = self._layout
        if layout is None or layout.lineCount() == 0:
            return 0
        if point.y() < 0:
            return 0
        if point.y() >= self.height:
            return units(self.text)
        for index in range(layout.lineCount()):
            line = layout.lineAt(index)
            if point.y() < line.y() + line.height() + 2 or index == layout.lineCount() - 1:
                return line.xToCursor(point.x() - self.left)
        return 0

    def caret(self) -> QRectF | None:
        layout = self._layout
        if layout is None:
            return None
        if layout.lineCount() == 0:
            return QRectF(self.left, 2, 7, self._line - 4)
        line = layout.lineAt(layout.lineCount() - 1)
        return QRectF(self.left + line.naturalTextWidth() + 2, line.y(), 7, line.height())

    def paint(self, painter: QPainter, visible: QRectF, selected: Span | None) -> None:
        self.paint_frame(painter)
        layout = self._layout
        if layout is None:
            return
        painter.setPen(self.style.color("text_muted" if self._muted else "text"))
        if self.place.marker:
            painter.setFont(self._font)
            box = QRectF(self.left - self.style.indent - 30, 0, self.style.indent + 24, self._line)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self.place.marker)
        ranges = []
        if selected is not None and selected[0] < selected[1]:
            ranges.append(self.style.range(selected[0], selected[1] - selected[0], self.style.selection))
        layout.draw(painter, QPointF(self.left, 0), ranges, visible.translated(0, 0))


class RuleRow(TranscriptRow):
    """A thematic break."""

    def __init__(self, style: Style, leaf: RuleLeaf) -> None:
        super().__init__(style, leaf.place)

    def measure(self, width: float) -> float:
        return 9.0

    def estimate(self, width: float) -> float:
        return 9.0

    def paint(self, painter: QPainter, visible: QRectF, selected: Span | None) -> None:
        self.paint_frame(painter)
        painter.fillRect(QRectF(self.left, 4, self.width - self.left, 1), self.style.color("border"))
