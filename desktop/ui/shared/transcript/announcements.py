"""A live answer, said to a screen reader sentence by sentence, after what it is saying now (politely)."""

from __future__ import annotations

import re

from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent

from desktop.ui.shared.transcript.accessible import row_words
from desktop.ui.shared.transcript.item import MessageItem
from desktop.ui.shared.transcript.pane import Pane

_ENDS = re.compile(r"[.!?…:;][\s\"'»”)]|[。！？；]|\n")  # of sentences


class Announcements:
    """Says what has come since it last said something. Costs nothing where nobody listens."""

    def __init__(self, pane: Pane) -> None:
        self._pane = pane
        self._id: int | None = None
        self._row = self._said = 0  # up to which row, and how much of it

    def heard(self, item: MessageItem) -> None:
        """More of an answer is there, or its end."""
        if not QAccessible.isActive() or item.is_user:
            return
        if item.message.id != self._id:
            if not item.streaming:
                return  # one that was there before
            self._id, self._row, self._said = item.message.id, 0, 0
        words = self._new(item)
        if not item.streaming:
            self._id = None
            words = f"{words}\n{item.message.note}".strip()
        if words:
            event = QAccessibleAnnouncementEvent(self._pane, words)
            event.setPoliteness(QAccessible.AnnouncementPoliteness.Polite)
            QAccessible.updateAccessibility(event)

    def _new(self, item: MessageItem) -> str:
        """Whole sentences that were not said yet; all that is left once the answer has ended."""
        parts = []
        body = item.body
        while self._row < len(body):
            text = row_words(item, body[self._row])[self._said :]
            last = self._row == len(body) - 1
            if last and item.streaming:
                ends = [found.end() for found in _ENDS.finditer(text)]
                text = text[: ends[-1]] if ends else ""
            parts.append(text.strip())
            if last:
                self._said += len(text)
                break
            self._row, self._said = self._row + 1, 0
        return "\n".join(part for part in parts if part)
