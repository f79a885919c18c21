"""Rows: what a message is painted from. A row lays itself out only when it is about to be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QPainter, QTextLayout

from desktop.core.documents.cited_links import link_words
from desktop.core.words import tr
from desktop.ui.shared.transcript.flow import Flow, Span, wrapping
from desktop.ui.shared.transcript.leaves import Leaf, LeafPosition, RuleLeaf, TextLeaf
from desktop.ui.shared.transcript.sideways import Sideways
from desktop.ui.shared.transcript.style import LINE_SPACING, Style
from desktop.ui.shared.transcript.units import units

HotSpotKind = Literal[
    "link",
    "fold",
    "fold-tool",
    "copy-code",
    "copy-csv",
    "copy-table",
    "copy-formula",
    "copy-reasoning",
    "regenerate",
    "edit",
    "copy",
    "continue",
    "previous",
    "next",
    "attachment",
]
__all__ = [
    "ALIGN_LEFT",
    "HotSpot",
    "HotSpotKind",
    "RuleRow",
    "Span",
    "TextRow",
    "TranscriptRow",
    "lay_lines",
    "wrapping",
]
_BAR_ROOM = 14.0  # pixels of the width for each bar of a quote
ALIGN_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True, slots=True)
class HotSpot:
    """Something in a row that can be clicked or reached with Tab; ``rect`` is relative to the row."""

    kind: HotSpotKind
    rect: QRectF
    label: str
    value: str = ""


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
        self.sideways: Sideways | None = None  # where it is wider than the column

    @property
    def gap(self) -> float:
        """Distance to the row above."""
        if self.place.continues:
            return 0.0
        return self.style.item_gap if self.place.tight else self.style.block_gap

    @property
    def indent(self) -> float:
        """What quote bars and lists take of the width."""
        return len(self.place.bars) * _BAR_ROOM + self.place.depth * self.style.indent

    @property
    def left(self) -> float:
        """Where content starts, right of quote bars and list indent; those of mirrored rows are on the right."""
        return 0.0 if self.place.mirrored else self.indent

    @property
    def inner(self) -> float:
        """The width that is left for content."""
        return self.width - self.indent

    @property
    def waits(self) -> bool:
        """Whether formulas in it are still to be typeset."""
        return False

    @property
    def natural_width(self) -> float:
        """The width it would fill, at most the width it was laid out for."""
        return self.width

    def estimate(self, width: float) -> float:
        """A height for the scroll bar, without laying out."""
        return self.style.line

    @property
    def cuts(self) -> list[float]:
        """Heights at which a page may end within it, so that no line is cut; the row is laid out."""
        return []

    def lay_out(self, width: float) -> None:
        """Find lines and height for the width; does nothing when they are known."""
        if width != self.width:
            self.width = width
            self.height = self.measure(width)

    def lay_out_again(self) -> None:
        """The same, although the width is as it was; nothing for a row that is only estimated."""
        if self.width >= 0:
            self.height = self.measure(self.width)

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

    def rect_of(self, start: int, end: int) -> QRectF:
        """About where a stretch of the text stands, in UTF-16 offsets; the row is laid out."""
        share = start / max(1, units(self.text))
        line = min(self.style.line, self.height)
        return QRectF(self.left, share * (self.height - line), self.inner, line)

    def caret(self) -> QRectF | None:
        """Where the caret of a streaming answer stands after this row's text."""
        return None

    def paint(self, painter: QPainter, visible: QRectF, selected: Span | None) -> None:
        """Paint what lies in ``visible``; the painter's origin is the row's corner."""

    @property
    def bar_lefts(self) -> list[float]:
        """Where the bars of the quotes around it stand: each right of the list items that its quote is in."""
        inside = [bar * _BAR_ROOM + depth * self.style.indent for bar, depth in enumerate(self.place.bars)]
        return [self.width - x - 3.0 for x in inside] if self.place.mirrored else inside

    def paint_frame(self, painter: QPainter) -> None:
        """Quote bars; drawn over the gap above too, so that they join those of the row before."""
        for x in self.bar_lefts:
            above = 0.0 if self.place.continues else 1.0
            painter.fillRect(QRectF(x, above, 3.0, self.height - above), self.style.color("border"))

    def paint_marker(self, painter: QPainter, font: QFont, line: float) -> None:
        """The bullet or number of a list item, beside its first line."""
        if not self.place.marker:
            return
        painter.setFont(font)
        room = self.style.indent + 24
        quoted = _BAR_ROOM * sum(depth >= self.place.depth for depth in self.place.bars)  # the item begins with a quote
        x, side, marker = self.left - quoted - room - 6, Qt.AlignmentFlag.AlignRight, self.place.marker
        if self.place.mirrored:
            x, side, marker = self.inner + quoted + 6, Qt.AlignmentFlag.AlignLeft, f"\u200f{marker}\u200f"
        painter.drawText(QRectF(x, 0, room, line), side | Qt.AlignmentFlag.AlignVCenter, marker)


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
        self._flow: Flow | None = None

    @property
    def gap(self) -> float:
        return super().gap + (self.style.block_gap if 0 < self._leaf.level <= 3 else 0.0)

    @property
    def natural_width(self) -> float:
        flow = self._flow
        return self.width if flow is None else min(self.width, self.width - self.inner + flow.natural_width + 1)

    def estimate(self, width: float) -> float:
        per_line = max(8.0, (width - self.indent) / self.style.character)
        return self._line * (1 + self.text.count("\n") + int(len(self.text) / per_line))

    def measure(self, width: float) -> float:
        self._flow = Flow(self._leaf.runs, self.style, self._font)
        return max(self._flow.lay(width - self.indent, self._line), self._line)

    @property
    def waits(self) -> bool:
        return self._flow is not None and self._flow.waits

    @property
    def is_heading(self) -> bool:
        """Whether it stands above what follows."""
        return bool(self._leaf.level)

    @property
    def cuts(self) -> list[float]:
        return [] if self._flow is None else self._flow.tops[1:]

    def adopt(self, leaf: Leaf) -> bool:
        if not isinstance(leaf, TextLeaf) or leaf.level != self._leaf.level or leaf.place != self.place:
            return False
        self.changed_from = self.height
        if leaf == self._leaf:
            return True
        before = self._flow
        # an appended word can pull the last word of the line before it down, so one line more is painted
        lines = before.layout.lineCount() if before is not None else 0
        if before is not None and lines > 1 and self._same_start(leaf, before.line_offset(lines - 1)):
            self.changed_from = before.tops[lines - 2]
        else:
            self.changed_from = 0.0
        width = self.width
        self._set(leaf)
        if width >= 0:
            self.height = self.measure(width)
        return True

    def _same_start(self, leaf: TextLeaf, start: int) -> bool:
        """Whether everything above the last two lines is as it was; ``start`` is where the last one begins."""
        position = 0
        for old, new in zip(self._leaf.runs, leaf.runs, strict=False):
            if old != new:
                grown = old.goes_with(new) and new.text.startswith(old.text)
                return grown or position >= start
            position += units(old.text)
        return True

    def hot_spots(self) -> list[HotSpot]:
        found: list[HotSpot] = []
        position = 0
        for run in self._leaf.runs:
            length = units(run.text)
            if run.link and self._flow is not None:
                rect = self._flow.stretch(position, position + length).translated(self.left, 0)
                found.append(HotSpot("link", rect, tr("Link: {link}", link=link_words(run.link)), run.link))
            position += length
        return found

    def link_at(self, point: QPointF) -> str:
        """The address under the point, on whichever line of the link it is."""
        at = -1 if self._flow is None else self._flow.hit(point.x() - self.left, point.y())
        position = 0
        for run in self._leaf.runs:
            position += units(run.text)
            if 0 <= at < position:
                return run.link
        return ""

    def offset_at(self, point: QPointF) -> int:
        if self._flow is None or point.y() < 0:
            return 0
        if point.y() >= self.height:
            return units(self.text)
        return self._flow.offset_at(point.x() - self.left, point.y())

    def rect_of(self, start: int, end: int) -> QRectF:
        if self._flow is None:
            return super().rect_of(start, end)
        return self._flow.stretch(start, end).translated(self.left, 0)

    def caret(self) -> QRectF | None:
        if self._flow is None:
            return None
        layout = self._flow.layout
        if layout.lineCount() == 0:
            return QRectF(self.left, 2, 7, self._line - 4)
        line = layout.lineAt(layout.lineCount() - 1)
        beside = line.naturalTextRect()
        x = beside.left() - 9 if self.place.mirrored else beside.right() + 2
        return QRectF(self.left + x, line.y(), 7, line.height())

    def paint(self, painter: QPainter, visible: QRectF, selected: Span | None) -> None:
        self.paint_frame(painter)
        if self._flow is None:
            return
        painter.setPen(self.style.color("text_muted" if self._muted else "text"))
        self.paint_marker(painter, self._font, self._line)
        self._flow.paint(painter, QPointF(self.left, 0), selected, visible)


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
        painter.fillRect(QRectF(self.left, 4, self.inner, 1), self.style.color("border"))
