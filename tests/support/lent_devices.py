"""A worker of this computer without an engine: its door, and RPC servers that only take connections."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from desktop.core.hardware import Cpu, Machine, Memory
from desktop.services.worker.about import About, LentDevice
from desktop.services.worker.identity import Pairing, identity_in
from desktop.services.worker.questions import answer
from desktop.services.worker.tunnel import Door

GB = 1_000_000_000
LENT = LentDevice("RTX 4090", 24 * GB, 22 * GB)
ABOUT = About(Machine(Cpu("A processor"), Memory(64 * GB, 60 * GB)), (LENT,), serves="http://10.0.0.2:8321")


class Lender:
    """A worker's door on loopback; it can be shut as if its computer were switched off."""

    def __init__(self, folder: Path, about: About = ABOUT, port: int = 0) -> None:
        self.about = about
        self._identity = identity_in(folder)
        self._rpc = socket.create_server(("127.0.0.1", 0))
        self._door: Door | None = None
        self.port = port
        self.open()

    def open(self) -> None:
        """Lend, on the same port as before."""
        rpc = self._rpc.getsockname()[1]
        self._door = Door(
            self._identity, "127.0.0.1", self.port, lambda: contextlib.nullcontext(rpc),
            lambda inside: answer(inside, lambda: self.about),
        )  # fmt: skip
        self.port = self._door.port

    @property
    def pairing(self) -> Pairing:
        return Pairing("127.0.0.1", self.port, self._identity.fingerprint, self._identity.secret)

    def shut(self) -> None:
        """Lend no more."""
        if self._door is not None:
            self._door.close()
            self._door = None

    def close(self) -> None:
        """End it."""
        self.shut()
        self._rpc.close()


@contextmanager
def lending(folder: Path, about: About = ABOUT) -> Iterator[Lender]:
    """Until the block ends."""
    made = Lender(folder, about)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def lending_at(folder: Path, port: int) -> Iterator[Lender]:
    """The same on a port of its own."""
    made = Lender(folder, port=port)
    try:
        yield made
    finally:
        made.close()


class Heard:
    """What a service told, with a way to wait for it."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.came = threading.Event()

    def __call__(self, error: Exception) -> None:
        self.errors.append(error)
        self.came.set()
