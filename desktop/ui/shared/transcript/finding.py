"""A word that was searched for: brought into view, and marked in the text for a moment."""

from __future__ import annotations

from PySide6.QtCore import QObject, QRectF, QTimer

from desktop.ui.shared.transcript.pane import Pane
from desktop.ui.shared.transcript.selection import Position
from desktop.ui.shared.transcript.units import units

MARK_MILLISECONDS = 4000
_PASSES = 4  # what is laid out on the way corrects estimated heights, which moves the word again


class Finding(QObject):
    """The mark is a selection, which goes by itself unless the person selects something meanwhile."""

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self._pane = pane
        self._mark: tuple[Position, Position] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(MARK_MILLISECONDS)
        self._timer.timeout.connect(self._unmark)

    def show(self, index: int, match: str, *, reasoning: bool) -> None:
        """Bring a word of a message into view; the message's beginning where it has no such word to be seen."""
        found = self._find(index, match, reasoning) if match else None
        for _ in range(_PASSES):
            before = self._pane.offset
            self._pane.bring_into_view(index, self._rect(index, found))
            if self._pane.offset == before:
                break
        if found is not None:
            row, start, end = found
            self._mark = Position(index, row, start), Position(index, row, end)
            self._pane.selection.anchor, self._pane.selection.head = self._mark
            self._timer.start()
        self._pane.viewport().update()

    def _find(self, index: int, match: str, reasoning: bool) -> tuple[int, int, int] | None:
        """The row, and where in its text the word begins and ends."""
        item = self._pane.column.items[index]
        item.build()
        for number, row in enumerate(item.body):
            at = row.text.find(match) if row.place.reasoning == reasoning else -1
            if at >= 0:
                return number, units(row.text[:at]), units(row.text[: at + len(match)])
        return None

    def _rect(self, index: int, found: tuple[int, int, int] | None) -> QRectF:
        item = self._pane.column.items[index]
        if found is None:
            return QRectF(0, 0, 1, min(item.height, self._pane.viewport().height() - 16.0))
        number, start, end = found
        rows = item.build()
        item.lay_out(item.tops[number], item.tops[number] + rows[number].height + 1)
        self._pane.column.touch(index)
        return rows[number].rect_of(start, end).translated(item.row_x(number), item.tops[number])

    def _unmark(self) -> None:
        selection = self._pane.selection
        if self._mark is not None and (selection.anchor, selection.head) == self._mark:
            selection.clear()
            self._pane.viewport().update()
        self._mark = None
