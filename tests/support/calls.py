"""How much Python an action runs, counted: what costs time, without a clock."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Calls:
    """Python functions entered on this thread while :func:`counted_calls` lasts."""

    def __init__(self) -> None:
        self.count = 0

    def take(self) -> int:
        """Those since the last look."""
        taken, self.count = self.count, 0
        return taken

    def hear(self, _frame: FrameType, event: str, _argument: object) -> None:
        """For sys.setprofile."""
        self.count += event == "call"


@contextmanager
def counted_calls() -> Iterator[Calls]:
    """Count on this thread until the block ends."""
    calls = Calls()
    sys.setprofile(calls.hear)
    try:
        yield calls
    finally:
        sys.setprofile(None)


def calls_of(action: Callable[[], object]) -> int:
    """Python functions entered by ``action`` on this thread."""
    with counted_calls() as calls:
        action()
    return calls.count
