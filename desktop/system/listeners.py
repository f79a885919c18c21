"""Those who hear a service's events."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Event = TypeVar("Event")


class Listeners(Generic[Event]):
    """Callables that are given every event, in the thread that tells it. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard: list[Callable[[Event], None]] = []

    def add(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Hear every event from now on; returns the way to stop hearing, which may be called twice."""
        with self._lock:
            self._heard.append(listener)

        def remove() -> None:
            with self._lock:
                if listener in self._heard:
                    self._heard.remove(listener)

        return remove

    def tell(self, event: Event) -> None:
        """Give it to everyone who listened when this began; no lock is held meanwhile."""
        with self._lock:
            heard = list(self._heard)
        for listener in heard:
            listener(event)
