"""llama.cpp's RPC server as a process of its own: it knows no keys, so it listens on loopback and nowhere else.

Told by one line of JSON on standard input, whose end ends it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec

from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.system.child import command
from desktop.system.spawn import child_environment, private_directory

_LOOPBACK = "127.0.0.1"
_START_SECONDS, _KNOCK_SECONDS = 30.0, 0.05


class Order(msgspec.Struct, frozen=True):
    """Where to listen, and with how many threads the processor computes."""

    port: int
    threads: int


class RpcServer:
    """A running one. :attr:`port` is of this computer's loopback."""

    def __init__(self, directory: Path, log: Path, threads: int) -> None:
        """Waits until it listens. Raises EngineError where it ends before."""
        with socket.create_server((_LOOPBACK, 0)) as asked:
            self.port: int = asked.getsockname()[1]
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                command(__name__), stdin=subprocess.PIPE, stdout=out, stderr=out, cwd=private_directory(directory),
                env=child_environment(),
            )  # fmt: skip
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(msgspec.json.encode(Order(self.port, threads)) + b"\n")
            self._process.stdin.flush()
        if not self._listens():
            self.close()
            raise EngineError(
                tr("This computer's devices cannot be lent: the engine's RPC server did not start."),
                tr("See its log; 'heft engine' says whether the engine works at all."),
                detail=log.read_bytes()[-2000:].decode(errors="replace"),
                kind=FailureKind.NOT_STARTED,
            )

    @property
    def running(self) -> bool:
        """Whether it is there still: what somebody sends may end it."""
        return self._process.poll() is None

    def wait(self) -> None:
        """Until it ends."""
        self._process.wait()

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def _listens(self) -> bool:
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end and self.running:
            try:
                socket.create_connection((_LOOPBACK, self.port), _START_SECONDS).close()
                return True
            except OSError:
                time.sleep(_KNOCK_SECONDS)  # it tells nobody that it listens
        return False


def main() -> None:
    """Serve until standard input ends."""
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)

    def end_with_parent() -> None:
        sys.stdin.buffer.read()
        os._exit(0)

    threading.Thread(target=end_with_parent, daemon=True).start()
    from desktop.engine.llama import lend_devices, start
    from desktop.engine.log import EngineLog

    _kept.append(start(EngineLog()))  # llama.cpp keeps only its address
    lend_devices(f"{_LOOPBACK}:{order.port}", order.threads)


_kept: list[object] = []

if __name__ == "__main__":
    main()
