"""Renders chat templates in a small process of their own: a deadline, a memory limit, no way to hurt the model.

The engine worker owns one :class:`Renderer`; the process is started early, stays warm and is replaced when a template
makes it exceed a limit.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
from typing import IO

import msgspec

from desktop.engine.spawn import child_environment, command, die_with_parent
from desktop.engine.template import RenderRequest, RenderResult, render

DEADLINE_SECONDS = 5.0
MEMORY_BYTES = 512 * 1024 * 1024

_decode_request = msgspec.msgpack.Decoder(RenderRequest).decode
_decode_result = msgspec.msgpack.Decoder(RenderResult).decode


def _write(stream: IO[bytes], message: RenderRequest | RenderResult) -> None:
    body = msgspec.msgpack.encode(message)
    stream.write(len(body).to_bytes(4, "little") + body)
    stream.flush()


def _read(stream: IO[bytes]) -> bytes:
    head = stream.read(4)
    size = int.from_bytes(head, "little")
    body = stream.read(size)
    if len(head) < 4 or len(body) < size:
        raise EOFError
    return body


class Renderer:
    """The worker's side: :meth:`render` never blocks longer than the deadline and never raises for a bad template."""

    def __init__(self, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._deadline = deadline_seconds
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process ahead of its first use."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                command("desktop.engine.renderer"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # a template's traceback is reported as a result
                env=child_environment(),
            )

    def render(self, request: RenderRequest) -> RenderResult:
        """The prompt, or what went wrong in words."""
        self.start()
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        timer = threading.Timer(self._deadline, process.kill)
        timer.start()
        try:
            _write(process.stdin, request)
            return _decode_result(_read(process.stdout))
        except (EOFError, OSError):
            late = timer.finished.is_set()
            self.close()
            if late:
                return RenderResult(
                    error=f"The model's chat template did not finish within {self._deadline:.0f} seconds."
                )
            return RenderResult(error="The model's chat template needs more memory than it is allowed.")
        finally:
            timer.cancel()

    def close(self) -> None:
        """End the process, if any."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


def _limit_memory() -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Serve render requests until stdin closes."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal reaches every process; the parent decides
    _limit_memory()
    requests, results = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            request = _decode_request(_read(requests))
        except EOFError:
            return
        _write(results, render(request))


if __name__ == "__main__":
    main()
