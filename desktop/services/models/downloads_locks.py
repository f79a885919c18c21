"""Who may touch the files of a download: one thread of one program at a time."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from desktop.core.cancelled import Cancelled, CancelledError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.hub.errors import HubError
from desktop.services.models.downloads_records import OrderStore

_LOOK_SECONDS = 0.05  # between two looks whether the one who waits is still to


class OrderLocks:
    """One lock for each order: a run that was stopped may still be ending while the next one begins."""

    def __init__(self, store: OrderStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._of: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def held(self, order_id: str, stopped: Cancelled) -> Iterator[None]:
        """Wait until this thread is the only one of this program at an order's files.

        Raises CancelledError when ``stopped`` meanwhile, HubError of kind "busy" when another program is at them.
        """
        from filelock import FileLock, Timeout

        with self._lock:
            own = self._of[order_id]
        while not own.acquire(timeout=_LOOK_SECONDS):
            if stopped():
                raise CancelledError
        try:
            if stopped():
                raise CancelledError
            path = self._store.lock_file(order_id)
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                raise HubError(
                    tr("Another Heft is working on this download."), tr("Wait until it is done."), kind=FailureKind.BUSY
                ) from None
            with lock:
                lock.release()  # the block holds it too
                yield
        finally:
            own.release()

    def elsewhere(self, order_id: str) -> bool:
        """Whether another program is at an order's files."""
        from filelock import FileLock, Timeout

        path = self._store.lock_file(order_id)
        if not path.exists():
            return False
        try:
            with FileLock(path, timeout=0):
                return False
        except Timeout:
            return True
