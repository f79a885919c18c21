"""RPC servers of a worker: one for each engine that uses it at the same time.

llama.cpp's RPC server answers one client after another (ggml_backend_rpc_start_server of ggml-rpc.cpp, 0c1e57098): who
plans a load while a model is loaded would wait until that is gone. So each gets a server of its own; the first one
stays, and one more is kept warm, since a planner comes and goes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from desktop.core.words import tr

MOST_SERVERS = 6  # each holds a context of the graphics cards, of some hundred MB
_SPARE = 1


class Server(Protocol):
    """An RPC server of this computer; :class:`desktop.engine.tools.rpc_server.RpcServer` is one."""

    port: int

    @property
    def running(self) -> bool: ...

    def close(self) -> None: ...


class ServerPool:
    """Thread-safe."""

    def __init__(self, first: Server, make: Callable[[], Server]) -> None:
        """``make`` starts another one; it may take seconds and raise HeftError."""
        self._first, self._make = first, make
        self._lock = threading.Lock()
        self._idle: list[Server] = [first]
        self._used: list[Server] = []
        self._making = 0
        self._closed = False

    @contextmanager
    def port(self) -> Iterator[int]:
        """The port of a server that nobody else uses. Raises HeftError; OSError where there are too many clients."""
        server = self._take()
        try:
            yield server.port
        finally:
            self._give_back(server)

    def close(self) -> None:
        """End all of them."""
        with self._lock:
            self._closed = True
            servers = {id(one): one for one in (self._first, *self._idle, *self._used)}
        for server in servers.values():
            server.close()

    def _take(self) -> Server:
        with self._lock:
            self._idle = [one for one in self._idle if one.running]
            if self._idle:
                server = self._idle.pop(0)
                self._used.append(server)
                return server
            if self._closed or len(self._used) + self._making >= MOST_SERVERS:
                raise ConnectionRefusedError(tr("no further RPC server"))
            self._making += 1
        try:
            server = self._make()
        finally:
            with self._lock:
                self._making -= 1
        with self._lock:
            self._used.append(server)
        if self._is_closed():
            server.close()
        return server

    def _is_closed(self) -> bool:
        with self._lock:
            return self._closed

    def _give_back(self, server: Server) -> None:
        with self._lock:
            self._used.remove(server)
            spare = sum(one is not self._first for one in self._idle)
            keep = server is self._first or (spare < _SPARE and not self._closed)
            if keep and server.running:
                self._idle.append(server)
                self._idle.sort(key=lambda one: one is not self._first)
        if not keep:
            server.close()
