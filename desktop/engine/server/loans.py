"""Answers of other programs on a server that somebody else owns: it is not taken away under them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from desktop.core.cancelled import Cancelled
from desktop.engine.api import Loaded
from desktop.engine.endpoint.http import Address

_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Lent:
    """A server for one answer of another program's; ``give_back`` is called once."""

    address: Address
    loaded: Loaded
    give_back: Callable[[], None]


class Loans:
    """How many use one server beside its owner, from its load to its end. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._out = 0
        self._closed = False

    def __bool__(self) -> bool:
        """Whether somebody uses it now."""
        return self._out > 0

    def take(self) -> bool:
        """Use it until :meth:`give_back`; False where it is about to end."""
        with self._changed:
            if self._closed:
                return False
            self._out += 1
            return True

    def give_back(self) -> None:
        """One use is over."""
        with self._changed:
            self._out -= 1
            self._changed.notify_all()

    def end(self, given_up: Cancelled) -> bool:
        """Nobody new gets it; wait for those who have it. False where that was given up: then it is lent again."""
        with self._changed:
            self._closed = True
            while self._out and not given_up():
                self._changed.wait(_LOOK_SECONDS)
            self._closed = not self._out
            return self._closed

    def close(self) -> None:
        """Nobody new gets it, whoever has it."""
        self._closed = True
