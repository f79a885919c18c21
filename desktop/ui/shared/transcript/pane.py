"""The scrolled column of messages: which rows are laid out, where they stand, and how they are painted."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QWidget

from desktop.ui.shared.transcript.column import MessageColumn
from desktop.ui.shared.transcript.formulas import Formulas
from desktop.ui.shared.transcript.row import Span
from desktop.ui.shared.transcript.selection import Selection
from desktop.ui.shared.transcript.style import Style
from desktop.ui.shared.transcript.thumbnails import Thumbnails
from desktop.ui.shared.transcript.units import units
from desktop.ui.shell.theme import Theme

_NARROW_MARGIN = 16.0
_PASSES = 8  # laying out corrects estimated heights, which can bring other rows into sight
_STEP = 20  # pixels per arrow key and wheel line


class Pane(QAbstractScrollArea):
    """Lays out only what is visible and keeps it in place while estimated heights above are corrected."""

    passage_opened = Signal(int)  # the number by which an answer names it
    attachment_opened = Signal(int, int)  # id of a message, and which of its attachments
    word_pressed = Signal(int, int)  # id of an answer, and the place in its text of a word that was clicked on

    def __init__(self, theme: Theme, parent: QWidget | None = None, formulas: Formulas | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.verticalScrollBar().setSingleStep(_STEP)
        # every pixel is painted here; otherwise each batch would paint the whole stack of parents behind it too
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.shape = Style(theme, self.font(), formulas)
        self.column = MessageColumn(self.shape.message_gap, 18.0)
        self.selection = Selection()
        self._following = True
        self._moving = False  # the pane itself moves the scroll bar
        self._anchor: tuple[int, int, float] | None = None  # message, row, its top in the viewport

        if formulas is not None:
            formulas.arrived.connect(self._typeset_again)

    def show_thumbnails(self, thumbnails: Thumbnails) -> None:
        """Paint what is attached as these have it; without them pictures stand by their names."""
        self.shape.thumbnails = thumbnails
        thumbnails.arrived.connect(self.viewport().update)

    # -- for the view on top ---------------------------------------------------------------------

    def range_changed(self, left_the_end: bool) -> None:
        """The scroll range or position is new; ``left_the_end``: newer text is out of sight and not followed."""

    def scrolled(self) -> None:
        """The person has scrolled."""

    def paint_over(self, painter: QPainter) -> None:
        """Paint on top of the messages, in the viewport's coordinates."""

    # -- geometry --------------------------------------------------------------------------------

    @property
    def content_width(self) -> float:
        """Width of the column of messages."""
        wide = float(self.width())  # not the viewport's: a scroll bar that appears must not move the text
        margin = self.shape.margin if wide > 560 else _NARROW_MARGIN
        return max(120.0, min(self.shape.column, wide - 2 * margin))

    @property
    def content_x(self) -> float:
        """Left edge of the column of messages in the viewport."""
        return max(0.0, (self.width() - self.content_width) / 2)

    @property
    def offset(self) -> int:
        """How far the content is scrolled up."""
        return self.verticalScrollBar().value()

    @property
    def following(self) -> bool:
        """Whether the view stays at the newest text."""
        return self._following

    def follow(self) -> None:
        """Stay at the newest text from the next layout on."""
        self._following = True

    def forget_place(self) -> None:
        """The messages are others: no row has to stay where it is."""
        self._anchor = None

    def fit_range(self, value: float | None = None) -> None:
        """Let the scroll bar cover everything; at the end while that is followed, else at ``value`` if given."""
        bar = self.verticalScrollBar()
        height = self.viewport().height()
        highest = max(0, round(self.column.total) - height)
        self._moving = True
        bar.setPageStep(height)
        bar.setRange(0, highest)
        if self._following:
            bar.setValue(highest)
        elif value is not None:
            bar.setValue(round(value))
        self._moving = False
        self.range_changed(not self._following and bar.value() < highest)

    def settle(self, moved: float | None = 0.0) -> bool:
        """Lay out what is visible; True when estimated heights were corrected.

        The row that was at the top stays where it was, ``moved`` pixels further down; with None (a jump) the
        place that is at the top now stays. While following, the end stays at the bottom.
        """
        column, height = self.column, self.viewport().height()
        if moved is None or (self._anchor is not None and self._anchor[0] >= len(column.items)):
            self._anchor = None
        if self._anchor is None:
            self.fit_range()
            self._hold()
        elif moved:
            item, row, y = self._anchor
            self._anchor = item, row, y + moved
        corrected = False
        for _ in range(_PASSES if column.items else 0):
            self.fit_range(self._anchored())
            changed = False
            index = column.at(self.offset)
            while index < len(column.items):
                top = column.top(index) - self.offset
                if top >= height:
                    break
                if column.items[index].lay_out(-top, height - top):
                    column.touch(index)
                    changed = True
                index += 1
            if not changed:
                break
            corrected = True
        self.fit_range(self._anchored())
        self._hold()
        return corrected

    def _hold(self, *, settled: bool = False) -> None:
        """Remember which row is at the top, and how far from the edge; ``settled``: of those that do not wait."""
        column, value = self.column, self.offset
        self._anchor = None
        if column.items:
            index = column.at(value)
            item, top = column.items[index], column.top(index)
            if item.rows is None:
                item.build()
                column.touch(index)
            row = item.row_at(value - top)
            if settled:
                row = item.settled_row(row, value - top + self.viewport().height())
            self._anchor = index, row, top + item.tops[row] - value

    def _anchored(self) -> float | None:
        """The scroll position that keeps the remembered row in its place."""
        if self._anchor is None:
            return None
        index, row, y = self._anchor
        tops = self.column.items[index].tops
        return self.column.top(index) + (tops[min(row, len(tops) - 1)] if tops else 0.0) - y

    def item_rect(self, index: int) -> QRectF:
        """The rectangle of a message in the viewport."""
        top = self.column.top(index) - self.offset
        return QRectF(self.content_x, top, self.content_width, self.column.items[index].height)

    def update_item(self, index: int) -> None:
        """Paint one message again, as high as it is."""
        self.viewport().update(self.item_rect(index).toAlignedRect().adjusted(-6, -6, 6, 6))

    def bring_into_view(self, index: int, local: QRectF) -> None:
        """Scroll so that a rectangle of a message is visible."""
        item = self.column.items[index]
        if item.rows is None or any(row.width < 0 for row in item.rows if not item.hidden(row)):
            item.lay_out(local.top(), local.bottom() + self.viewport().height())
            self.column.touch(index)
        rect = local.translated(0, self.column.top(index) - self.offset)
        bar = self.verticalScrollBar()
        if rect.top() < 8:
            bar.setValue(int(bar.value() + rect.top() - 8))
        elif rect.bottom() > self.viewport().height() - 8:
            bar.setValue(int(bar.value() + rect.bottom() - self.viewport().height() + 8))

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Move what is painted; what comes into sight is laid out first."""
        if self._moving:
            return
        bar = self.verticalScrollBar()
        self._following = bar.value() >= bar.maximum() - 2
        value = bar.value()
        jump = abs(dy) >= self.viewport().height()
        if self.settle(None if jump else dy) or self.offset != value or jump:
            self.viewport().update()
        else:
            self.viewport().scroll(0, dy)
        self.scrolled()

    def update_lines(self, index: int, top: float, bottom: float) -> None:
        """Paint a stretch of one message again, over the whole width."""
        y = self.column.top(index) - self.offset
        rect = QRect(0, int(y + top) - 1, self.viewport().width(), int(bottom - top) + 4)
        self.viewport().update(rect & self.viewport().rect())

    def _typeset_again(self) -> None:
        """Formulas are there: rows that waited are laid out anew; what in view is as it was stays in its place."""
        self._hold(settled=True)
        changed = [index for index, item in enumerate(self.column.items) if item.typeset_again()]
        if changed:
            self.column.touch(changed[0])
            self.settle()
            self.viewport().update()

    # -- painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows that meet the changed rectangle."""
        painter = QPainter(self.viewport())
        area = event.rect()
        painter.fillRect(area, self.shape.color("background"))
        column, x = self.column, self.content_x
        if column.items:
            index = column.at(area.top() + self.offset)
            while index < len(column.items):
                top = column.top(index) - self.offset
                if top > area.bottom():
                    break
                self._paint_item(painter, index, QPointF(x, top), QRectF(area))
                index += 1
        self.paint_over(painter)
        painter.end()

    def _paint_item(self, painter: QPainter, index: int, origin: QPointF, area: QRectF) -> None:
        item = self.column.items[index]

        def selected(row: int) -> Span | None:
            if self.selection.bounds is None:
                return None
            return self.selection.span(index, row, units((item.rows or [])[row].text))

        painter.translate(origin)
        item.paint(painter, area.translated(-origin), selected)
        painter.translate(-origin)
