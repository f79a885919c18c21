"""The connections that requests to the Hub go over: huggingface_hub's own, some through a proxy of the user's, or
direct ones."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from desktop.hub.past_proxy import goes_past_proxy, system_names_proxy

if TYPE_CHECKING:
    import httpx2


class Sessions:
    """Pools of connections; the one through a proxy is made anew when the proxy changes. Thread-safe."""

    def __init__(self, proxy: Callable[[], str] = lambda: "") -> None:
        """``proxy`` is the address of one to use in place of what environment and system say, "" for none."""
        self.proxy = proxy
        self._lock = threading.Lock()
        self._made: dict[bool, tuple[str, httpx2.Client]] = {}  # those with a proxy, and those without

    def proxied(self, url: str) -> bool:
        """Whether a request goes through the user's own proxy."""
        return bool(self.proxy()) and not goes_past_proxy(url)

    def get(self, url: str) -> httpx2.Client:
        """The pool to use now for an address."""
        past = goes_past_proxy(url)
        proxy = self.proxy()
        if proxy and not past:
            return self._pool(proxy)
        if past and system_names_proxy():
            return self._pool("")
        from huggingface_hub.utils import get_session

        return get_session()

    def close(self) -> None:
        """Close the connections, but for huggingface_hub's; nothing is asked any more."""
        with self._lock:
            for _, client in self._made.values():
                client.close()
            self._made.clear()

    def _pool(self, proxy: str) -> httpx2.Client:
        with self._lock:
            known = self._made.get(bool(proxy))
            if known is None or known[0] != proxy:
                import httpx2

                # One that was replaced is not closed: requests may still run over it, and end with its last user.
                # Without one of its own it would take those that the environment names; SSL_CERT_FILE still counts.
                direct = None if proxy else dict.fromkeys(("http://", "https://", "all://"))
                made = httpx2.Client(proxy=proxy or None, mounts=direct, timeout=None)
                known = self._made[bool(proxy)] = proxy, made
            return known[1]
