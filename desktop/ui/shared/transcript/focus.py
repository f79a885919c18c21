"""The focus that Tab moves over links, buttons and actions of the messages."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPen

from desktop.ui.shared.transcript.pane import Pane
from desktop.ui.shared.transcript.row import HotSpot

_KEYBOARD = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)


@dataclass(frozen=True, slots=True)
class FocusStop:
    """A hot place as mouse and keyboard find it: message, row, and the how-many-eth of the row."""

    item: int
    row: int
    number: int
    hot: HotSpot

    def is_at(self, other: FocusStop) -> bool:
        """Whether it is the same place (its rectangle may have moved)."""
        mine = (self.item, self.row, self.number, self.hot.kind, self.hot.value)
        return mine == (other.item, other.row, other.number, other.hot.kind, other.hot.value)


class FocusRing(QObject):
    """Which hot place holds the keyboard, and the ring around it."""

    moved = Signal(int)  # message that holds the focus now, or did until now

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self._pane = pane
        self._held: FocusStop | None = None
        self._by_keyboard = False

    @property
    def item(self) -> int:
        """The message that holds the focus, -1 for none."""
        return -1 if self._held is None else self._held.item

    def current(self) -> FocusStop | None:
        """The focused place as it is now; None when it is gone."""
        held = self._held
        if held is None or held.item >= len(self._pane.column.items):
            return None
        return next((stop for stop in self._stops(held.item) if stop.is_at(held)), None)

    def _stops(self, index: int) -> list[FocusStop]:
        pane = self._pane
        item = pane.column.items[index]
        if item.lay_out(0.0, max(item.height, 1.0)):
            pane.column.touch(index)
        return [
            FocusStop(index, number, which, hot)
            for number, row in enumerate(item.rows or ())
            if not item.hidden(row)
            for which, hot in enumerate(row.hot_spots())
        ]

    def move(self, forward: bool) -> bool:
        """Go to the next hot place; False when there is none left that way."""
        pane = self._pane
        items = pane.column.items
        before = self._held
        if not items:
            return False
        index = before.item if before is not None else pane.column.at(pane.offset if forward else pane.column.total)
        while 0 <= index < len(items):
            stops = self._stops(index)
            if before is not None and before.item == index:
                here = next((n for n, stop in enumerate(stops) if stop.is_at(before)), -1)
                stops = stops[here + 1 :] if forward else stops[: max(here, 0)]
            if stops:
                self._hold(stops[0] if forward else stops[-1])
                return True
            index += 1 if forward else -1
        return False

    def _hold(self, stop: FocusStop) -> None:
        pane = self._pane
        self.forget()
        self._held = stop
        self.moved.emit(stop.item)
        pane.bring_into_view(stop.item, self._rect(stop))
        pane.setAccessibleDescription(stop.hot.label)
        pane.viewport().update()

    def _rect(self, stop: FocusStop) -> QRectF:
        item = self._pane.column.items[stop.item]
        if stop.row >= len(item.tops):
            return QRectF()
        return stop.hot.rect.translated(item.row_x(stop.row), item.tops[stop.row])

    def came(self, reason: Qt.FocusReason) -> None:
        """The transcript got the keyboard; the ring around all of it is for those who came by Tab."""
        self._by_keyboard = reason in _KEYBOARD

    def forget(self) -> None:
        """Nothing in the transcript holds the focus any more."""
        before, self._held = self._held, None
        if before is not None:
            self.moved.emit(before.item)

    def paint(self, painter: QPainter) -> None:
        """The ring: around what is focused, or around the whole transcript."""
        pane, held = self._pane, self._held
        if not pane.hasFocus():
            return
        painter.setPen(QPen(pane.shape.color("accent"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if held is not None and held.item < len(pane.column.items):
            corner = pane.item_rect(held.item).topLeft()
            painter.drawRoundedRect(self._rect(held).translated(corner).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        elif self._by_keyboard:
            painter.drawRect(QRectF(pane.viewport().rect()).adjusted(0.5, 0.5, -1.5, -1.5))
