"""Ends what costs memory and is not used: a process that is kept warm between calls."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

IDLE_SECONDS = 60.0


class IdleClose:
    """Wrapped around calls (``with idle:``); calls ``close`` once none was made for a while. Thread-safe."""

    def __init__(self, close: Callable[[], None], seconds: float = IDLE_SECONDS) -> None:
        self._close = close
        self._seconds = seconds
        self._lock = threading.Lock()
        self._running = 0
        self._closed = False
        self._timer: threading.Timer | None = None

    def __enter__(self) -> None:
        with self._lock:
            self._running += 1
            self._stop_timer()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._running -= 1
            if self._running == 0 and not self._closed:
                self._timer = threading.Timer(self._seconds, self._expire)
                self._timer.daemon = True
                self._timer.start()
            late = self._closed
        if late:
            self._close()

    def close(self) -> None:
        """Close now, and for good: a call that still runs is the last that opens anything."""
        with self._lock:
            self._closed = True
            self._stop_timer()
        self._close()

    def _expire(self) -> None:
        with self._lock:
            if self._running:
                return
            self._timer = None
        self._close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
