"""A place in the middle of some work where a test can hold it."""

from __future__ import annotations

import threading

WAIT = 10.0  # seconds


class Gate:
    """Holds a helper in the middle of its work until it is let go."""

    def __init__(self) -> None:
        self.held, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def close(self) -> None:
        """From now on whoever comes by waits."""
        self.held.clear()
        self.go_on.clear()

    def wait_until_held(self) -> None:
        """Until somebody waits."""
        assert self.held.wait(WAIT)
