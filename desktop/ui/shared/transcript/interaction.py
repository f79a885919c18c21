"""What mouse and keyboard do in the transcript."""

from __future__ import annotations

import re

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QContextMenuEvent, QCursor, QHelpEvent, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QMenu, QToolTip

from desktop.core.documents.cited_links import link_words, passage_number
from desktop.core.markdown import as_csv, as_markdown
from desktop.core.text import chat_text, plain_tooltip
from desktop.core.words import tr
from desktop.ui.shared.signals import calling
from desktop.ui.shared.transcript.focus import FocusRing, FocusStop
from desktop.ui.shared.transcript.foot_rows import FootRow
from desktop.ui.shared.transcript.pane import Pane
from desktop.ui.shared.transcript.row import HotSpot, TextRow, TranscriptRow
from desktop.ui.shared.transcript.selection import (
    Position,
    code_of_block,
    copied_message,
    selected_text,
    table_of_block,
)
from desktop.ui.shared.transcript.sideways import STEP
from desktop.ui.shared.transcript.source_place import source_place
from desktop.ui.shared.transcript.units import cut, units
from desktop.ui.shared.transcript_keys import COPY, COPY_MARKDOWN, SELECT_ALL, TRANSCRIPT_KEYS
from desktop.ui.shell.action_registry import declared_action
from desktop.ui.shell.keys import answer, matches

_WORD = re.compile(r"\w+(?:['’]\w+)*|\s+|[^\w\s]")
_SCROLL_MILLISECONDS = 40


class Interaction(QObject):
    """Selection, hovering and pressing on a pane; what that means beyond the pane goes out as signals."""

    attended = Signal(int)  # message that mouse or focus came to, or left: its actions are shown or hidden
    grown = Signal(int)  # message whose height changed
    pressed = Signal(str, int)  # kind of a hot place and the id of its message
    link_pressed = Signal(str)
    copied = Signal(str, str)  # a text for the clipboard, and the words that tell so
    newest_asked = Signal()

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self._pane = pane
        self.hovered = -1
        self.shown: set[int] = set()
        self._pressed: FocusStop | None = None
        self.focus = FocusRing(pane)
        self.focus.moved.connect(self.attended)
        self._dragging = False
        self._slid: tuple[int, TranscriptRow] | None = None  # message and row whose bar is dragged
        self._mouse = QPointF(-1, -1)
        self._scroller = QTimer(self)
        self._scroller.setInterval(_SCROLL_MILLISECONDS)
        self._scroller.timeout.connect(self._scroll_on)

    def reset(self) -> None:
        """The messages are others now."""
        self.hovered = -1
        self.shown.clear()
        self._pressed = self._slid = None
        self.focus.forget()
        self._dragging = False
        self._scroller.stop()

    def wants_actions(self, index: int) -> bool:
        """Whether a message is under the mouse or holds the focus."""
        return index in (self.hovered, self.focus.item)

    # -- finding ---------------------------------------------------------------------------------

    def _row(self, point: QPointF) -> tuple[int, int, QPointF] | None:
        """Message, row and place in the row nearest to a point of the viewport."""
        pane = self._pane
        if not pane.column.items:
            return None
        y = point.y() + pane.offset
        index = pane.column.at(y)
        item = pane.column.items[index]
        if not item.rows:
            return None
        local_y = y - pane.column.top(index)
        row = item.row_at(local_y)
        while row > 0 and item.hidden(item.rows[row]):
            row -= 1
        return index, row, QPointF(point.x() - pane.content_x - item.row_x(row), local_y - item.tops[row])

    def _stop_at(self, point: QPointF) -> FocusStop | None:
        found = self._row(point)
        if found is None:
            return None
        index, number, local = found
        item = self._pane.column.items[index]
        row = (item.rows or [])[number]
        for which, hot in enumerate(row.hot_spots()):
            if hot.rect.contains(local) and not self._is_hidden_action(index, number):
                return FocusStop(index, number, which, hot)
        if isinstance(row, TextRow):
            address = row.link_at(local)
            if address:
                return FocusStop(
                    index,
                    number,
                    -1,
                    HotSpot("link", QRectF(), tr("Link: {address}", address=link_words(address)), address),
                )
        return None

    def _is_hidden_action(self, index: int, number: int) -> bool:
        row = (self._pane.column.items[index].rows or [])[number]
        return isinstance(row, FootRow) and not row.actions_shown

    def _position(self, point: QPointF) -> Position | None:
        found = self._row(point)
        if found is None:
            return None
        index, number, local = found
        row = (self._pane.column.items[index].rows or [])[number]
        return Position(index, number, min(row.offset_at(local), units(row.text)))

    def _handle_at(self, point: QPointF) -> tuple[int, TranscriptRow] | None:
        """The row whose bar for scrolling sideways is at the point, with its message."""
        found = self._row(point)
        if found is None:
            return None
        index, number, local = found
        row = (self._pane.column.items[index].rows or [])[number]
        if row.sideways is None or not row.sideways.most:
            return None
        grip = row.sideways.handle(row.left, row.height).adjusted(0, -4, 0, 4)
        return (index, row) if grip.contains(local) else None

    def wheel(self, event: QWheelEvent) -> bool:
        """Move what is wide under the mouse; False leaves the wheel to the scroll area."""
        turned = event.angleDelta()
        along = turned.x() or (turned.y() if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 0)
        found = self._row(event.position())
        if not along or (abs(turned.x()) < abs(turned.y()) and along == turned.x()) or found is None:
            return False
        row = (self._pane.column.items[found[0]].rows or [])[found[1]]
        if row.sideways is None or not row.sideways.most:
            return False
        pixels = event.pixelDelta().x() or along / 120 * STEP
        if row.sideways.by(-pixels):
            self._pane.update_item(found[0])
        return True

    def _slide(self, stop: FocusStop, pixels: float) -> bool:
        """Move the table whose actions hold the focus."""
        row = (self._pane.column.items[stop.item].rows or [])[stop.row]
        if row.sideways is None or not row.sideways.most:
            return False
        if row.sideways.by(pixels):
            self._pane.update_item(stop.item)
        return True

    # -- mouse -----------------------------------------------------------------------------------

    def press(self, event: QMouseEvent) -> None:
        """Press something hot, or start a selection (Shift extends it)."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        point = event.position()
        self._mouse = point
        self._slid = self._handle_at(point)
        if self._slid is not None:
            return
        self._pressed = self._stop_at(point)
        if self._pressed is not None and self._pressed.hot.kind != "link":
            return
        selection = self._pane.selection
        where = self._position(point)
        if not event.modifiers() & Qt.KeyboardModifier.ShiftModifier or selection.anchor is None:
            selection.anchor = where
        selection.head = where
        self._dragging = True
        self._pane.viewport().update()

    def move(self, event: QMouseEvent) -> None:
        """Extend the selection, or show what is under the mouse."""
        if self._slid is not None:
            index, row = self._slid
            if row.sideways is not None and row.sideways.dragged(event.position().x() - self._mouse.x()):
                self._pane.update_item(index)
            self._mouse = event.position()
            return
        self._mouse = event.position()
        if self._dragging:
            self._extend()
            height = self._pane.viewport().height()
            outside = not 0 <= self._mouse.y() < height
            if outside and not self._scroller.isActive():
                self._scroller.start()
            elif not outside:
                self._scroller.stop()
            return
        self.hover_again()

    def _extend(self) -> None:
        where = self._position(self._mouse)
        if where is not None and where != self._pane.selection.head:
            self._pane.selection.head = where
            self._pane.viewport().update()

    def _scroll_on(self) -> None:
        bar = self._pane.verticalScrollBar()
        height = self._pane.viewport().height()
        beyond = min(self._mouse.y(), 0) + max(self._mouse.y() - height, 0)
        bar.setValue(int(bar.value() + beyond))
        self._extend()

    def release(self, event: QMouseEvent) -> None:
        """Do what was pressed, unless text was selected meanwhile."""
        self._scroller.stop()
        dragged, self._dragging = self._dragging, False
        self._slid = None
        pressed, self._pressed = self._pressed, None
        if pressed is None:
            if dragged and event.button() == Qt.MouseButton.LeftButton:
                self._tell_word()
            return
        selected = self._pane.selection.bounds is not None
        if pressed.hot.kind != "link" or not selected:
            now = self._stop_at(event.position())
            if now is not None and now.is_at(pressed):
                self.activate(now)

    def _tell_word(self) -> None:
        """A word was clicked on, and nothing selected."""
        head = self._pane.selection.head
        if head is None or self.has_selection:
            return
        item = self._pane.column.items[head.item]
        if not item.is_user and (place := source_place(item, head.row, head.offset)) >= 0:
            self._pane.word_pressed.emit(item.message.id, place)

    def double_click(self, event: QMouseEvent) -> None:
        """Select the word under the mouse."""
        where = self._position(event.position())
        if where is None or self._stop_at(event.position()) is not None:
            return
        row = (self._pane.column.items[where.item].rows or [])[where.row]
        at = len(cut(row.text, 0, where.offset))
        for word in _WORD.finditer(row.text):
            if word.start() <= at < word.end():
                start, end = units(row.text[: word.start()]), units(row.text[: word.end()])
                self._pane.selection.anchor = Position(where.item, where.row, start)
                self._pane.selection.head = Position(where.item, where.row, end)
                self._pane.viewport().update()

    def leave(self) -> None:
        """The mouse has left the transcript."""
        self._mouse = QPointF(-1, -1)
        self._hover(-1)

    def hover_again(self) -> None:
        """Find what is under the mouse, which may have moved or the text under it."""
        if self._mouse.x() < 0:
            return
        found = self._row(self._mouse)
        self._hover(-1 if found is None else found[0])
        stop = self._stop_at(self._mouse)
        shape = Qt.CursorShape.PointingHandCursor
        if stop is None:
            inside = found is not None and found[2].x() >= 0
            shape = Qt.CursorShape.IBeamCursor if inside else Qt.CursorShape.ArrowCursor
        if self._pane.viewport().cursor().shape() != shape:
            self._pane.viewport().setCursor(QCursor(shape))

    def _hover(self, index: int) -> None:
        if index != self.hovered:
            before, self.hovered = self.hovered, index
            self.shown = {index} if index >= 0 else set()
            for each in (before, index):
                self.attended.emit(each)

    def tooltip(self, event: QEvent) -> bool:
        """Words for what is under the mouse."""
        if not isinstance(event, QHelpEvent):
            return False
        point = QPointF(event.pos())
        stop = self._stop_at(point)
        words = stop.hot.label if stop is not None else ""
        found = self._row(point)
        if not words and found is not None:
            row = (self._pane.column.items[found[0]].rows or [])[found[1]]
            words = row.tooltip() if isinstance(row, FootRow) else ""
            words = words or self._pane.column.items[found[0]].message.said_by
        QToolTip.showText(event.globalPos(), plain_tooltip(chat_text(words)[:500]), self._pane)
        return True

    def context_menu(self, event: QContextMenuEvent) -> None:
        """Copy the selection, its Markdown, or the whole message under the mouse."""
        pane = self._pane
        found = self._row(QPointF(event.pos()))
        if found is not None and event.pos().y() > pane.item_rect(found[0]).bottom():
            found = None  # nothing is said below the last message
        if event.reason() == QContextMenuEvent.Reason.Keyboard and self.focus.item >= 0:
            found = self.focus.item, 0, QPointF()
        menu = QMenu(pane)
        menu.setObjectName("transcriptMenu")
        for action, call in ((COPY, self.copy), (COPY_MARKDOWN, lambda: self.copy(markdown=True))):
            made = declared_action(action, menu, call)
            made.setEnabled(self.has_selection)
            menu.addAction(made)
        if found is not None:
            item = pane.column.items[found[0]]
            menu.addAction(tr("Copy message"), lambda: self.copied.emit(copied_message(item), tr("Message copied")))
            if item.reasoning:
                whole = copied_message(item, reasoning=True)
                menu.addAction(tr("Copy with reasoning"), lambda: self.copied.emit(whole, tr("Message copied")))
            menu.addSeparator()
            for kind, words in (("fork", tr("New chat up to here")), ("delete", tr("Delete message"))):
                made = menu.addAction(words, calling(self.pressed.emit, kind, item.message.id))
                made.setEnabled(not item.busy)
        menu.addSeparator()
        menu.addAction(declared_action(SELECT_ALL, menu, self.select_all))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos())

    # -- actions ---------------------------------------------------------------------------------

    def activate(self, stop: FocusStop) -> None:
        """Do what a hot place stands for."""
        item = self._pane.column.items[stop.item]
        match stop.hot.kind:
            case "link":
                if (number := passage_number(stop.hot.value)) is not None:
                    self._pane.passage_opened.emit(number)
                else:
                    self.link_pressed.emit(stop.hot.value)
            case "fold":
                item.toggle_reasoning()
                self.grown.emit(stop.item)
            case "fold-tool":
                item.toggle_call(stop.hot.value)
                self.grown.emit(stop.item)
            case "copy-code":
                self.copied.emit(code_of_block(item, stop.row), tr("Code copied"))
            case "copy-csv" | "copy-table":
                table = table_of_block(item, stop.row)
                if table is not None:
                    csv = stop.hot.kind == "copy-csv"
                    self.copied.emit(chat_text(as_csv(table) if csv else as_markdown(table)), tr("Table copied"))
            case "copy-formula":
                self.copied.emit((item.rows or [])[stop.row].text, tr("Formula copied"))
            case "copy-reasoning":
                self.copied.emit(chat_text(item.reasoning).strip("\n"), tr("Reasoning copied"))
            case "copy":
                self.copied.emit(copied_message(item), tr("Message copied"))
            case "attachment":
                self._pane.attachment_opened.emit(item.message.id, int(stop.hot.value))
            case kind:
                self.pressed.emit(kind, item.message.id)

    @property
    def has_selection(self) -> bool:
        """Whether any text is selected."""
        return self._pane.selection.bounds is not None

    def copy(self, *, markdown: bool = False) -> None:
        """Copy the selected text as it reads, or as it is written."""
        text = selected_text(self._pane.column, self._pane.selection, markdown=markdown)
        self.copied.emit(text, tr("Markdown copied") if markdown else tr("Text copied"))

    def select_all(self) -> None:
        """Select every message."""
        self._pane.selection.select_all(self._pane.column)
        self._pane.viewport().update()

    def key(self, event: QKeyEvent) -> bool:
        """Handle a key; False leaves it to the scroll area."""
        if matches(event, COPY):
            self.copy()
            return True
        if matches(event, SELECT_ALL):
            self.select_all()
            return True
        focused = self.focus.current() if self.focus.item >= 0 else None
        match answer(event, TRANSCRIPT_KEYS):
            case "first":
                self._pane.verticalScrollBar().setValue(self._pane.verticalScrollBar().minimum())
            case "newest":
                self.newest_asked.emit()
            case "press" if focused is not None:
                self.activate(focused)
            case "left" | "right" as way if focused is not None:
                return self._slide(focused, STEP if way == "right" else -STEP)
            case "unselect" if self.has_selection:
                self._pane.selection.clear()
                self._pane.viewport().update()
            case _:
                return False
        return True
