"""The messages one below the other: which is where, without touching those out of sight."""

from __future__ import annotations

from bisect import bisect_right

from desktop.core.words import counted, tr
from desktop.ui.shared.transcript.item import MessageItem


class MessageColumn:
    """Tops of the items, recomputed from the first one whose height changed."""

    def __init__(self, gap: float, margin: float) -> None:
        self.items: list[MessageItem] = []
        self._by_id: dict[int, int] = {}
        self._gap = gap
        self._margin = margin
        self._tops: list[float] = []

    def set_items(self, items: list[MessageItem]) -> None:
        self.items = items
        self._by_id = {item.message.id: index for index, item in enumerate(items)}
        self._tops = []

    def add(self, item: MessageItem) -> None:
        self._by_id[item.message.id] = len(self.items)
        self.items.append(item)

    def index(self, message_id: int) -> int | None:
        """Where the message is; None when it is not here."""
        return self._by_id.get(message_id)

    def touch(self, index: int) -> None:
        """The item's height has changed."""
        del self._tops[index + 1 :]

    def _fill(self) -> None:
        tops = self._tops
        if not tops and self.items:
            tops.append(self._margin)
        for index in range(len(tops), len(self.items)):
            tops.append(tops[index - 1] + self.items[index - 1].height + self._gap)

    def top(self, index: int) -> float:
        """The top of an item, from the top of everything."""
        self._fill()
        return self._tops[index]

    @property
    def total(self) -> float:
        """The height of everything, with margins."""
        if not self.items:
            return 0.0
        return self.top(len(self.items) - 1) + self.items[-1].height + self._margin

    def at(self, y: float) -> int:
        """Index of the item at a height (the one above, between two); there is at least one item."""
        self._fill()
        return max(0, bisect_right(self._tops, y) - 1)

    def description(self) -> str:
        """What a screen reader says of it: how many messages, and the last one."""
        items = self.items
        count = counted(len(items), "message")
        last = items[-1] if items else None
        if last is None:
            return count
        said = last.content or ("thinking" if last.streaming and last.reasoning else "")
        who = tr("You") if last.is_user else last.message.model or tr("Assistant")
        return tr("{count}. Last, {who}: {said}", count=count, who=who, said=said[-600:])
