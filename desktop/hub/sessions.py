"""The connections that requests to the Hub go over: huggingface_hub's own, or some through a proxy of the user's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2


class Sessions:
    """One pool of connections, made anew when the proxy changes. Thread-safe."""

    def __init__(self, proxy: Callable[[], str] = lambda: "") -> None:
        """``proxy`` is the address of one to use in place of what environment and system say, "" for none."""
        self.proxy = proxy
        self._lock = threading.Lock()
        self._made: tuple[str, httpx2.Client] | None = None

    def get(self) -> httpx2.Client:
        """The pool to use now."""
        proxy = self.proxy()
        if not proxy:
            from huggingface_hub.utils import get_session

            return get_session()
        with self._lock:
            if self._made is None or self._made[0] != proxy:
                import httpx2

                # One that was replaced is not closed: requests may still run over it, and end with its last user.
                self._made = (proxy, httpx2.Client(proxy=proxy, timeout=None))
            return self._made[1]
