"""The transcript: paints only what is visible, and of a streaming answer only what changed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QGuiApplication,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QPushButton, QWidget

from desktop.ui.theme import Theme
from desktop.ui.widgets.transcript.column import Column
from desktop.ui.widgets.transcript.hand import Hand
from desktop.ui.widgets.transcript.item import MessageItem
from desktop.ui.widgets.transcript.link_bar import LinkBar
from desktop.ui.widgets.transcript.message import TranscriptMessage
from desktop.ui.widgets.transcript.row import Span
from desktop.ui.widgets.transcript.selection import Selection
from desktop.ui.widgets.transcript.style import Style
from desktop.ui.widgets.transcript.units import units

BATCH_MILLISECONDS = 33
_NARROW_MARGIN = 16.0
_PASSES = 8  # laying out corrects estimated heights, which can bring other rows into sight


class TranscriptView(QAbstractScrollArea):
    """Messages of one branch; see the package for what each method and signal means."""

    regenerate_requested = Signal(int)
    edit_requested = Signal(int)
    continue_requested = Signal(int)
    branch_requested = Signal(int, int)
    link_activated = Signal(str)
    copied = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("transcript")
        self.setAccessibleName("Conversation")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.verticalScrollBar().setSingleStep(20)
        self._theme = theme
        self.shape = Style(theme, self.font())
        self.column = Column(self.shape.message_gap, 18.0)
        self.selection = Selection()
        self._busy = False
        self._following = True
        self._moving = False  # the view itself moves the scroll bar
        self._anchor: tuple[int, int, float] | None = None  # message, row, its top in the viewport
        self._pending: dict[int, list[str]] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(BATCH_MILLISECONDS)
        self._timer.timeout.connect(self.flush)
        self._hand = Hand(self)
        self._newest = QPushButton("↓ Newest", self)
        self._newest.setObjectName("jumpToNewest")
        self._newest.setAccessibleName("Jump to the newest message")
        self._newest.setToolTip("Jump to the newest message (End)")
        self._newest.clicked.connect(self.jump_to_newest)
        self._newest.hide()
        self.link_bar = LinkBar(self)
        self.link_bar.confirmed.connect(self.link_activated)
        self.link_bar.copy_requested.connect(lambda text: self.copy_text(text, "Address copied"))
        self.link_bar.closed.connect(self.setFocus)
        theme.changed.connect(self._restyle)

    # -- messages --------------------------------------------------------------------------------

    def set_messages(self, messages: Sequence[TranscriptMessage]) -> None:
        """Show a branch and go to its newest message. Only what is visible is parsed and laid out."""
        self._timer.stop()
        self._pending.clear()
        self.selection.clear()
        self._hand.reset()
        items: list[MessageItem] = []
        model = ""
        for message in messages:
            items.append(self._item(message, model))
            model = message.model or model
        self.column.set_items(items)
        self._anchor = None
        self._following = True
        self._refresh()

    def add_message(self, message: TranscriptMessage) -> None:
        """Add a message at the end; a message of the person scrolls to the end."""
        model = next((item.message.model for item in reversed(self.column.items) if item.message.model), "")
        self.column.add(self._item(message, model))
        self._following = self._following or message.role == "user"
        self._refresh()

    def append_text(self, message_id: int, text: str) -> None:
        """Add streamed text to a message; it is painted with the next batch. Unknown ids are ignored."""
        self._pending.setdefault(message_id, []).append(text)
        if not self._timer.isActive():
            self._timer.start()

    def replace_message(self, message: TranscriptMessage) -> None:
        """Show a message's new value, found by its id. Unknown ids are ignored."""
        self.flush()
        index = self.column.index(message.id)
        if index is not None:
            self.column.items[index].replace(message)
            self.column.touch(index)
            self._refresh()

    def remove_message(self, message_id: int) -> None:
        """Take a message away."""
        self.flush()
        self.selection.clear()
        self._hand.reset()
        self._anchor = None
        self.column.set_items([item for item in self.column.items if item.message.id != message_id])
        self._refresh()

    def clear(self) -> None:
        """Show nothing."""
        self.set_messages([])

    def set_prompt_progress(self, message_id: int, text: str) -> None:
        """Words shown in place of an answer that has no text yet."""
        index = self.column.index(message_id)
        if index is not None:
            self.column.items[index].set_waiting_words(text)
            self._update_item(index)

    def set_busy(self, busy: bool) -> None:
        """While an answer is generated, nothing is offered that would start another one."""
        if busy == self._busy:
            return
        self._busy = busy
        for index, item in enumerate(self.column.items):
            if item.rows is not None:
                self.column.touch(index)
            item.set_busy(busy)
        self._hand.reset()
        self._refresh()

    def text_of(self, message_id: int) -> str:
        """All text of a message received so far; empty for an unknown id."""
        self.flush()
        index = self.column.index(message_id)
        return "" if index is None else self.column.items[index].content

    def _item(self, message: TranscriptMessage, model_before: str) -> MessageItem:
        named = message.role == "assistant" and bool(model_before) and message.model != model_before
        item = MessageItem(message, self.shape, name_model=named, busy=self._busy)
        item.place(self.content_width)
        return item

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

    def _refresh(self) -> None:
        """Lay out and paint everything visible."""
        self._settle()
        self._show_last_actions()
        self._tell_reader()
        self.viewport().update()

    def _set_range(self, value: float | None) -> None:
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
        self._newest.setVisible(not self._following and bar.value() < highest)

    def _settle(self, moved: float | None = 0.0) -> bool:
        """Lay out what is visible; True when estimated heights were corrected.

        The row that was at the top stays where it was, ``moved`` pixels further down; with None (a jump) the
        place that is at the top now stays. While following, the end stays at the bottom.
        """
        column, height = self.column, self.viewport().height()
        if moved is None or (self._anchor is not None and self._anchor[0] >= len(column.items)):
            self._anchor = None
        if self._anchor is None:
            self._set_range(None)
            self._hold()
        elif moved:
            item, row, y = self._anchor
            self._anchor = item, row, y + moved
        corrected = False
        for _ in range(_PASSES if column.items else 0):
            self._set_range(self._anchored())
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
        self._set_range(self._anchored())
        self._hold()
        return corrected

    def _hold(self) -> None:
        """Remember which row is at the top, and how far from the edge."""
        column, value = self.column, self.offset
        self._anchor = None
        if column.items:
            index = column.at(value)
            item, top = column.items[index], column.top(index)
            if item.rows is None:
                item.build()
                column.touch(index)
            row = item.row_at(value - top)
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

    def _update_item(self, index: int, local: QRectF | None = None) -> None:
        rect = self.item_rect(index)
        if local is not None:
            rect = local.translated(rect.topLeft())
        self.viewport().update(rect.toAlignedRect().adjusted(-6, -6, 6, 6))

    def update_message(self, index: int) -> None:
        """Paint one message again after its height may have changed."""
        self.column.touch(index)
        self._refresh()

    # -- streaming -------------------------------------------------------------------------------

    def flush(self) -> None:
        """Show the text that has come in since the last batch, painting only the rectangle it changed."""
        self._timer.stop()
        pending, self._pending = self._pending, {}
        for message_id, pieces in pending.items():
            index = self.column.index(message_id)
            if index is not None:
                self._grow(index, "".join(pieces))

    def _grow(self, index: int, text: str) -> None:
        item, value, height = self.column.items[index], self.offset, self.viewport().height()
        before = item.height
        dirty = item.append(text)
        top = self.column.top(index)
        if self._following:
            item.lay_out(item.height - height, item.height)
        else:
            item.lay_out(value - top, value - top + height)
        if item.rows is None or not self.isVisible():
            self._set_range(None)
            return
        if item.height == before:
            self._update_lines(index, dirty, item.height)
            return
        self.column.touch(index)
        self._set_range(None)
        moved = self.offset - value
        if abs(moved) >= height:
            self.viewport().update()
            return
        if moved:
            self.viewport().scroll(0, -moved)
        self._update_lines(index, dirty, max(before, item.height) + self.shape.message_gap)

    def _update_lines(self, index: int, top: float, bottom: float) -> None:
        y = self.column.top(index) - self.offset
        rect = QRect(0, int(y + top) - 1, self.viewport().width(), int(bottom - top) + 4)
        self.viewport().update(rect & self.viewport().rect())

    # -- scrolling -------------------------------------------------------------------------------

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Move what is painted; what comes into sight is laid out first."""
        if self._moving:
            return
        bar = self.verticalScrollBar()
        self._following = bar.value() >= bar.maximum() - 2
        value = bar.value()
        jump = abs(dy) >= self.viewport().height()
        if self._settle(None if jump else dy) or self.offset != value or jump:
            self.viewport().update()
        else:
            self.viewport().scroll(0, dy)
        self._hand.hover_again()

    def jump_to_newest(self) -> None:
        """Go to the end and follow it again."""
        self._following = True
        self._refresh()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

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

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A new width is a new layout; the row at the top stays there."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            width = self.content_width
            for item in self.column.items:
                item.place(width)
            self.column.touch(-1)
        self._settle()
        self._place_overlays()

    def _place_overlays(self) -> None:
        view = self.viewport().geometry()
        self._newest.adjustSize()
        self._newest.move(view.center().x() - self._newest.width() // 2, view.bottom() - self._newest.height() - 12)
        width = min(560, view.width() - 32)
        self.link_bar.setFixedWidth(max(width, 200))
        self.link_bar.adjustSize()
        self.link_bar.move(view.center().x() - self.link_bar.width() // 2, view.bottom() - self.link_bar.height() - 16)

    def showEvent(self, event: QShowEvent) -> None:
        """Text that came in while hidden is laid out now."""
        super().showEvent(event)
        self._refresh()
        self._place_overlays()

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
        self._hand.paint_focus(painter)
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

    def _show_last_actions(self) -> None:
        last = len(self.column.items) - 1
        for index in {last, last - 1, self._hand.hovered, *self._hand.shown}:
            if 0 <= index <= last:
                self.show_actions(index)

    def show_actions(self, index: int) -> None:
        """Show a message's actions when it is the last one, under the mouse or focused; hide them otherwise."""
        if not 0 <= index < len(self.column.items):
            return
        shown = index == len(self.column.items) - 1 or self._hand.wants_actions(index)
        if self.column.items[index].show_actions(shown):
            self._update_item(index)

    def _restyle(self) -> None:
        self.shape = Style(self._theme, self.font())
        for item in self.column.items:
            item.restyle(self.shape)
            item.place(self.content_width)
        self.column.touch(-1)
        self._refresh()

    def changeEvent(self, event: QEvent) -> None:
        """Follow a changed font."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and hasattr(self, "_hand"):
            self._restyle()

    def _tell_reader(self) -> None:
        items = self.column.items
        count = f"{len(items)} message{'s' if len(items) != 1 else ''}"
        last = items[-1] if items else None
        who = "" if last is None else ("You" if last.is_user else last.message.model or "Assistant")
        self.setAccessibleDescription(count if last is None else f"{count}. Last, {who}: {last.content[-600:]}")

    # -- the person ------------------------------------------------------------------------------

    def copy_text(self, text: str, words: str) -> None:
        """Put text on the clipboard and tell so; nothing happens for an empty text."""
        if text:
            QGuiApplication.clipboard().setText(text)
            self.copied.emit(words)

    def ask_to_open(self, address: str) -> None:
        """Show an address of the answer and ask before it is opened."""
        self.link_bar.ask(address)
        self._place_overlays()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Start to select, or press something."""
        self._hand.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Select, or tell what is under the mouse."""
        self._hand.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Do what was pressed."""
        self._hand.release(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Select a word."""
        self._hand.double_click(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Copy in its variants."""
        self._hand.context_menu(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Scroll, copy, or do what is focused."""
        if not self._hand.key(event):
            super().keyPressEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Tab goes over the actions of the messages before it leaves the transcript."""
        return self._hand.focus_next(forward) or super().focusNextPrevChild(forward)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show where the focus is."""
        super().focusInEvent(event)
        self._hand.focus_came(event.reason())
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """The focus ring goes."""
        super().focusOutEvent(event)
        self._hand.forget_focus()
        self.viewport().update()

    def viewportEvent(self, event: QEvent) -> bool:
        """Tooltips, and the mouse leaving."""
        if event.type() == QEvent.Type.Leave:
            self._hand.leave()
        if event.type() == QEvent.Type.ToolTip and self._hand.tooltip(event):
            return True
        return super().viewportEvent(event)
