"""llama.cpp's server as anybody starts it on another computer: over TCP, with a key."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from desktop.engine.endpoint.http import Address
from desktop.engine.server.program import server_program
from desktop.system.spawn import child_environment

_LISTENS = b"listening on http"
_START_SECONDS = 60.0


@contextmanager
def stock_server(
    model: Path, key: str, context_length: int = 1024, slots: int = 1, threads: int = 2
) -> Iterator[Address]:
    """It has loaded its model and listens, until the block ends. All ``slots`` share ``context_length``."""
    with socket.create_server(("127.0.0.1", 0)) as asked:
        port = asked.getsockname()[1]
    process = subprocess.Popen(
        [str(server_program()), "--model", str(model), "--host", "127.0.0.1", "--port", str(port),
         "--ctx-size", str(context_length), "--parallel", str(slots), "--threads", str(threads),
         "--no-ui", "--offline"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**child_environment(), "LLAMA_API_KEY": key},
    )  # fmt: skip
    assert process.stdout is not None
    late = threading.Timer(_START_SECONDS, process.kill)  # then its output ends, and the test says what it was
    late.start()
    draining = threading.Thread(target=lambda: [None for _ in process.stdout or ()], daemon=True)
    try:
        said = b""
        while _LISTENS not in (line := process.stdout.readline()):
            said += line
            assert line, said[-2000:].decode(errors="replace")
        late.cancel()
        draining.start()
        yield Address(port=port, host="127.0.0.1", base="/v1", key=key)
    finally:
        late.cancel()
        process.kill()
        process.wait()
        if draining.is_alive():
            draining.join(30)
        process.stdout.close()
        assert process.stdin is not None  # whose end would end it: this build is Heft's
        process.stdin.close()
