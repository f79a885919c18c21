"""A deadline for others' work that does not run while this process is stopped itself."""

from __future__ import annotations

import time
from collections.abc import Callable

_LONGEST_LOOK = 1.0  # more between two looks means that this process slept (Ctrl+Z, SIGSTOP, a debugger)


class Deadline:
    """Counts seconds between the calls of :meth:`over`, each of them as one second at most: call it often.

    A suspended computer stops the monotonic clock of Linux by itself; a stopped process has nobody who would.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._left = seconds
        self._clock = clock
        self._looked = clock()

    def over(self) -> bool:
        """Whether the time is up."""
        now = self._clock()
        self._left -= min(now - self._looked, _LONGEST_LOOK)
        self._looked = now
        return self._left < 0
