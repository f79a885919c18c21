"""A cable between two ports of this computer that takes its time and can be cut: where there are no namespaces."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_BYTES = 1 << 16
_Piece = tuple[float, bytes]  # when it arrives, and what; nothing: the other side has ended


class SlowCable:
    """Listens on a port of loopback and passes on what comes to ``port``, each way ``delay_seconds`` later."""

    def __init__(self, port: int, delay_seconds: float) -> None:
        self._to, self._delay = port, delay_seconds
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._ends: list[socket.socket] = []
        self._cut = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Nothing passes any more, and nobody says goodbye."""
        self._cut.set()

    def close(self) -> None:
        """Everything is closed."""
        self._cut.set()
        for each in (self._listening, *self._ends):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                if self._cut.is_set():
                    self._ends.append(near)  # taken by the system, heard by nobody
                    continue
                far = socket.create_connection(("127.0.0.1", self._to), 5)
                far.settimeout(None)
                self._ends += [near, far]
                for one, other in ((near, far), (far, near)):
                    for each in (one, other):
                        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._join(one, other)

    def _join(self, one: socket.socket, other: socket.socket) -> None:
        on_its_way: queue.Queue[_Piece] = queue.Queue()

        def take() -> None:
            content = b"-"
            while content:
                try:
                    content = one.recv(_BYTES)
                except OSError:
                    content = b""
                on_its_way.put((time.monotonic() + self._delay, content))

        def give() -> None:
            with contextlib.suppress(OSError):
                while not self._cut.is_set():
                    arrives, content = on_its_way.get()
                    if self._cut.wait(max(0.0, arrives - time.monotonic())):
                        return
                    if not content:
                        other.shutdown(socket.SHUT_WR)
                        return
                    other.sendall(content)

        for work in (take, give):
            threading.Thread(target=work, daemon=True).start()


@contextmanager
def slow_cable(port: int, delay_seconds: float) -> Iterator[SlowCable]:
    """Until the block ends."""
    made = SlowCable(port, delay_seconds)
    try:
        yield made
    finally:
        made.close()
