"""What keeps members that are made once, and closes them, the newest first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, TypeVar

if TYPE_CHECKING:
    from types import TracebackType

    from desktop.services.made_once import made_once

T = TypeVar("T")


class Members:
    """Members, made on any thread, closed once. A context manager."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._members: dict[str, Any] = {}

    def member(self, name: str, make: Callable[[Any], T]) -> T:
        """The member called ``name``, made now if need be."""
        if name not in self._members:
            with self._lock:
                if name not in self._members:
                    self._members[name] = make(self)
        found: T = self._members[name]
        return found

    def known(self, member: made_once[T]) -> T | None:
        """A member if it was made already; asking makes nothing."""
        return self._members.get(member.name)

    def close(self) -> None:
        """Close what was made."""
        self.close_members()

    def close_members(self, but: str = "") -> None:
        """Close what was made, the newest first: what is made later uses what was there. ``but`` one member.

        What is made meanwhile is closed, too. A failure is raised when all others are closed.
        """
        closed = {but}
        failure: Exception | None = None
        while left := self._made_but(closed):
            for name, member in reversed(left):
                closed.add(name)
                try:
                    if callable(close := getattr(member, "close", None)):
                        close()
                except Exception as error:  # noqa: BLE001 - whatever it is, processes of others have to end
                    failure = failure or error
                    failure.add_note(f"{name} could not be closed: {error!r}")
        if failure is not None:
            raise failure

    def _made_but(self, known: set[str]) -> list[tuple[str, Any]]:
        """What was made so far, in that order, but for these."""
        with self._lock:
            return [(name, member) for name, member in self._members.items() if name not in known]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
