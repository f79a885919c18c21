"""The latest responses, so that a request can refer to one; in memory only, bounded, gone when the server stops."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import msgspec

from desktop.services.serve.door.responses.items import Item

MOST_RESPONSES = 256
MOST_BYTES = 8 << 20


@dataclass(frozen=True)
class _Entry:
    response: dict[str, Any]
    items: list[Item]  # the conversation before the answer
    new_items: int  # how many of them came with its own request
    size: int


class ResponseStore:
    """What clients did not ask to forget (``store``: false). Thread-safe; the oldest go first."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def keep(self, response: dict[str, Any], items: list[Item], new_items: int) -> None:
        """Keep it with its conversation; one larger than all the room there is stays unknown."""
        size = len(msgspec.json.encode((response, items)))
        if size > self._most_bytes:
            return
        with self._lock:
            self._entries[response["id"]] = _Entry(response, items, new_items, size)
            self._bytes += size
            while self._bytes > self._most_bytes or len(self._entries) > MOST_RESPONSES:
                _, gone = self._entries.popitem(last=False)
                self._bytes -= gone.size

    def response(self, response_id: str) -> dict[str, Any] | None:
        """The document, as it was sent."""
        entry = self._entry(response_id)
        return entry.response if entry is not None else None

    def conversation(self, response_id: str) -> list[Item] | None:
        """All items up to and with that response."""
        entry = self._entry(response_id)
        return [*entry.items, *entry.response["output"]] if entry is not None else None

    def own_input(self, response_id: str) -> list[Item] | None:
        """The items of its own request."""
        entry = self._entry(response_id)
        return entry.items[len(entry.items) - entry.new_items :] if entry is not None else None

    def item(self, item_id: str) -> Item | None:
        """An item of a kept response or its input."""
        with self._lock:
            entries = list(self._entries.values())
        items: list[Item] = [item for entry in reversed(entries) for item in (*entry.response["output"], *entry.items)]
        return next((item for item in items if item.get("id") == item_id), None)

    def forget(self, response_id: str) -> bool:
        """Whether it was there."""
        with self._lock:
            entry = self._entries.pop(response_id, None)
            self._bytes -= entry.size if entry is not None else 0
        return entry is not None

    def _entry(self, response_id: str) -> _Entry | None:
        with self._lock:
            return self._entries.get(response_id)
