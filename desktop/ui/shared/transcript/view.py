"""The transcript: paints only what is visible, and of a streaming answer only what changed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QElapsedTimer, QEvent, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QGuiApplication,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QPushButton, QWidget

from desktop.core.words import tr
from desktop.ui.shared.transcript import accessible
from desktop.ui.shared.transcript.announcements import Announcements
from desktop.ui.shared.transcript.finding import Finding
from desktop.ui.shared.transcript.formulas import Formulas
from desktop.ui.shared.transcript.interaction import Interaction
from desktop.ui.shared.transcript.item import MessageItem
from desktop.ui.shared.transcript.link_bar import LinkBar
from desktop.ui.shared.transcript.message import Addition, TranscriptMessage
from desktop.ui.shared.transcript.pane import Pane
from desktop.ui.shared.transcript.selection import copied_message
from desktop.ui.shared.transcript_keys import TRANSCRIPT_KEYS
from desktop.ui.shell.keys import key_for
from desktop.ui.shell.theme import Theme

BATCH_MILLISECONDS = 25  # below the bridge's interval, so that its deliveries are batches of their own


class TranscriptView(Pane):
    """Messages of one branch; see the package for what each method and signal means."""

    regenerate_requested = Signal(int)
    edit_requested = Signal(int)
    continue_requested = Signal(int)
    fork_requested = Signal(int)
    delete_requested = Signal(int)
    branch_requested = Signal(int, int)
    link_activated = Signal(str)
    copied = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None, formulas: Formulas | None = None) -> None:
        super().__init__(theme, parent, formulas)
        self.setObjectName("transcript")
        self.setAccessibleName(tr("Conversation"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self._busy = False
        self._pending: dict[int, Addition] = {}
        self._timer = QTimer(self, singleShot=True, interval=BATCH_MILLISECONDS)
        self._timer.timeout.connect(self.flush)
        self._since_batch = QElapsedTimer()
        self._interaction = Interaction(self)
        self._interaction.attended.connect(self.show_actions)
        self._interaction.grown.connect(self.update_message)
        self._interaction.pressed.connect(self._pressed)
        self._interaction.link_pressed.connect(self.ask_to_open)
        self._interaction.copied.connect(self.copy_text)
        self._interaction.newest_asked.connect(self.jump_to_newest)
        self._finding = Finding(self)
        self._announcements = Announcements(self)
        accessible.install()
        self._newest = QPushButton(tr("↓ Newest"), self)
        self._newest.setObjectName("jumpToNewest")
        self._newest.setAccessibleName(tr("Jump to the newest message"))
        self._newest.setToolTip(tr("Jump to the newest message ({key})", key=key_for(TRANSCRIPT_KEYS, "newest")))
        self._newest.clicked.connect(self.jump_to_newest)
        self._newest.hide()
        self.link_bar = LinkBar(self)
        self.link_bar.confirmed.connect(self.link_activated)
        self.link_bar.copy_requested.connect(lambda text: self.copy_text(text, tr("Address copied")))
        self.link_bar.closed.connect(self.setFocus)
        theme.changed.connect(self._restyle)

    # -- messages --------------------------------------------------------------------------------

    def set_messages(self, messages: Sequence[TranscriptMessage]) -> None:
        """Show a branch and go to its newest message. Only what is visible is parsed and laid out."""
        self._timer.stop()
        self._pending.clear()
        self.selection.clear()
        self._interaction.reset()
        items: list[MessageItem] = []
        model = ""
        for message in messages:
            items.append(self._item(message, model))
            model = message.model or model
        self.column.set_items(items)
        self.forget_place()
        self.follow()
        self._refresh()
        accessible.messages_changed(self)

    def add_message(self, message: TranscriptMessage) -> None:
        """Add a message at the end; a message of the person scrolls to the end."""
        model = next((item.message.model for item in reversed(self.column.items) if item.message.model), "")
        self.column.add(self._item(message, model))
        if message.role == "user":
            self.follow()
        self._refresh()

    def append_text(self, message_id: int, text: str) -> None:
        """Add streamed text to a message; see :meth:`append`."""
        self.append(message_id, Addition(text))

    def append(self, message_id: int, more: Addition) -> None:
        """Add what streamed into a message, painted at once or with the next batch. Unknown ids are ignored.

        At once when the last batch is old enough: then whatever else this event changes is painted in the same pass.
        """
        self._pending[message_id] = self._pending.get(message_id, Addition()).then(more)
        if self._timer.isActive():
            return
        if not self._since_batch.isValid() or self._since_batch.elapsed() >= BATCH_MILLISECONDS:
            self.flush()
        else:
            self._timer.start()

    def replace_message(self, message: TranscriptMessage) -> None:
        """Show a message's new value, found by its id. Unknown ids are ignored."""
        self.flush()
        index = self.column.index(message.id)
        if index is not None:
            self.column.items[index].replace(message)
            self.column.touch(index)
            self._refresh()
            self._announcements.heard(self.column.items[index])

    def set_prompt_progress(self, message_id: int, text: str) -> None:
        """Words shown in place of an answer that has no text yet."""
        index = self.column.index(message_id)
        if index is not None:
            self.column.items[index].set_waiting_words(text)
            self.update_item(index)

    def set_busy(self, busy: bool) -> None:
        """While an answer is generated, nothing is offered that would start another one."""
        if busy == self._busy:
            return
        self._busy = busy
        for index, item in enumerate(self.column.items):
            if item.rows is not None:
                self.column.touch(index)
            item.set_busy(busy)
        self._interaction.reset()
        self._refresh()

    def text_of(self, message_id: int) -> str:
        """All text of a message received so far; empty for an unknown id."""
        self.flush()
        index = self.column.index(message_id)
        return "" if index is None else self.column.items[index].content

    def reasoning_of(self, message_id: int) -> str:
        """All reasoning of a message received so far; empty for an unknown id."""
        self.flush()
        index = self.column.index(message_id)
        return "" if index is None else self.column.items[index].reasoning

    def _item(self, message: TranscriptMessage, model_before: str) -> MessageItem:
        named = message.role == "assistant" and bool(model_before) and message.model != model_before
        item = MessageItem(message, self.shape, name_model=named, busy=self._busy)
        item.place(self.content_width)
        return item

    def _refresh(self) -> None:
        """Lay out and paint everything visible."""
        self.settle()
        self._show_last_actions()
        self.setAccessibleDescription(self.column.description())
        self.viewport().update()

    def update_message(self, index: int) -> None:
        """Paint one message again after its height may have changed."""
        self.column.touch(index)
        self._refresh()

    # -- streaming -------------------------------------------------------------------------------

    def flush(self) -> None:
        """Show the text that has come in since the last batch, painting only the rectangle it changed."""
        self._timer.stop()
        self._since_batch.start()
        pending, self._pending = self._pending, {}
        for message_id, more in pending.items():
            index = self.column.index(message_id)
            if index is not None:
                self._grow(index, more)
                self._announcements.heard(self.column.items[index])

    def _grow(self, index: int, more: Addition) -> None:
        item, value, height = self.column.items[index], self.offset, self.viewport().height()
        before = item.height
        dirty = item.append(more)
        top = self.column.top(index)
        if self.following:
            item.lay_out(item.height - height, item.height)
        else:
            item.lay_out(value - top, value - top + height)
        if item.height == before and self.isVisible():
            self.update_lines(index, dirty, item.height)
            return
        self.column.touch(index)
        self.fit_range()
        moved = self.offset - value
        if abs(moved) >= height:
            self.viewport().update()
            return
        if moved:
            self.viewport().scroll(0, -moved)
        self.update_lines(index, dirty, max(before, item.height) + self.shape.message_gap)

    # -- scrolling -------------------------------------------------------------------------------

    def range_changed(self, left_the_end: bool) -> None:
        """Offer the way back to the newest text."""
        self._newest.setVisible(left_the_end)

    def scrolled(self) -> None:
        """Something else is under the mouse now."""
        self._interaction.hover_again()

    def paint_over(self, painter: QPainter) -> None:
        """The focus ring."""
        self._interaction.focus.paint(painter)

    def jump_to_newest(self) -> None:
        """Go to the end and follow it again."""
        self.follow()
        self._refresh()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A new width is a new layout; the row at the top stays there."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            width = self.content_width
            for item in self.column.items:
                item.place(width)
            self.column.touch(-1)
        self.settle()
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

    def _show_last_actions(self) -> None:
        last = len(self.column.items) - 1
        for index in {last, last - 1, self._interaction.hovered, *self._interaction.shown}:
            if 0 <= index <= last:
                self.show_actions(index)

    def show_actions(self, index: int) -> None:
        """Show a message's actions when it is the last one, under the mouse or focused; hide them otherwise."""
        if not 0 <= index < len(self.column.items):
            return
        shown = index == len(self.column.items) - 1 or self._interaction.wants_actions(index)
        if self.column.items[index].show_actions(shown):
            self.update_item(index)

    def _restyle(self) -> None:
        self.shape = self.shape.again(self.font())
        for item in self.column.items:
            item.restyle(self.shape)
            item.place(self.content_width)
        self.column.touch(-1)
        self._refresh()

    def changeEvent(self, event: QEvent) -> None:
        """Follow a changed font."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and hasattr(self, "_interaction"):
            self._restyle()

    # -- the person ------------------------------------------------------------------------------

    def copy_text(self, text: str, words: str) -> None:
        """Put text on the clipboard and tell so; nothing happens for an empty text."""
        if text:
            QGuiApplication.clipboard().setText(text)
            self.copied.emit(words)

    @property
    def has_selection(self) -> bool:
        """Whether any text is selected."""
        return self._interaction.has_selection

    def copy_selection(self, *, markdown: bool = False) -> None:
        """Copy the selected text as it reads, or as Markdown."""
        self._interaction.copy(markdown=markdown)

    def copy_message(self, message_id: int, *, reasoning: bool = False) -> None:
        """Copy a whole message as Markdown, with the reasoning before it or without."""
        if (index := self.column.index(message_id)) is not None:
            self.copy_text(copied_message(self.column.items[index], reasoning=reasoning), tr("Message copied"))

    def show_reasoning(self, message_id: int, shown: bool | None = None) -> None:
        """Unfold the reasoning of a message or fold it; None: the other way round."""
        index = self.column.index(message_id)
        if index is not None and shown in (None, self.column.items[index].folded):
            self.column.items[index].toggle_reasoning()
            self.update_message(index)

    def show_found(self, message_id: int, match: str, *, reasoning: bool = False) -> None:
        """Bring a word that was searched for into view and mark it for a moment; nothing for an unknown id."""
        if reasoning:
            self.show_reasoning(message_id, shown=True)
        if (index := self.column.index(message_id)) is not None:
            self._finding.show(index, match, reasoning=reasoning)

    def select_all(self) -> None:
        """Select every message."""
        self._interaction.select_all()

    def _pressed(self, kind: str, message_id: int) -> None:
        if kind in ("previous", "next"):
            self.branch_requested.emit(message_id, -1 if kind == "previous" else 1)
        else:
            getattr(self, f"{kind}_requested").emit(message_id)

    def ask_to_open(self, address: str) -> None:
        """Show an address of the answer and ask before it is opened."""
        self.link_bar.ask(address)
        self._place_overlays()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Start to select, or press something."""
        self._interaction.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Select, or tell what is under the mouse."""
        self._interaction.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Do what was pressed."""
        self._interaction.release(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Select a word."""
        self._interaction.double_click(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Sideways, it moves what is wide; else the conversation."""
        if not self._interaction.wheel(event):
            super().wheelEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Copy in its variants."""
        self._interaction.context_menu(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Scroll, copy, or do what is focused."""
        if not self._interaction.key(event):
            super().keyPressEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Tab goes over the actions of the messages before it leaves the transcript."""
        return self._interaction.focus.move(forward) or super().focusNextPrevChild(forward)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show where the focus is."""
        super().focusInEvent(event)
        self._interaction.focus.came(event.reason())
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """The focus ring goes."""
        super().focusOutEvent(event)
        self._interaction.focus.forget()
        self.viewport().update()

    def viewportEvent(self, event: QEvent) -> bool:
        """Tooltips, and the mouse leaving."""
        if event.type() == QEvent.Type.Leave:
            self._interaction.leave()
        if event.type() == QEvent.Type.ToolTip and self._interaction.tooltip(event):
            return True
        return super().viewportEvent(event)
