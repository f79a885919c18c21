"""Another Python at work for Heft: all it prints in a log, ended when it is to stop, and when Heft ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from desktop.core.cancelled import Cancelled, CancelledError
from desktop.core.secrets import TOKEN_VARIABLES
from desktop.system.packaged import read_text

_LOOK_SECONDS = 0.1  # between two looks whether it is to stop
_TAIL_BYTES = 16 << 10


class ProcessFailed(Exception):  # noqa: N818 - told as such, never raised to a user
    """It ended with another code than 0; ``tail`` is the end of what it printed."""

    def __init__(self, code: int, tail: str) -> None:
        super().__init__(f"exit code {code}")
        self.code, self.tail = code, tail


def run_python(
    python: Path,
    arguments: list[str],
    log: Path,
    *,
    cancelled: Cancelled,
    variables: dict[str, str] | None = None,
    watch: Callable[[], None] = lambda: None,
    output: Path | None = None,
) -> None:
    """Let ``python`` do what resources/converter/runner.py knows, and wait for it.

    ``watch`` is called again and again meanwhile. ``output`` takes what it prints to standard output, which goes to the
    log otherwise. Raises CancelledError, ProcessFailed, OSError where it cannot be started.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [str(python), "-I", "-B", "-c", read_text("converter", "runner.py"), *arguments]
    kept = {name: value for name, value in os.environ.items() if name not in TOKEN_VARIABLES}
    with log.open("ab") as told, (output or log).open("ab") as said:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=said, stderr=told, env={**kept, **(variables or {})},
            cwd=log.parent, start_new_session=True, creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )  # fmt: skip
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(_LOOK_SECONDS)
                break
            if cancelled():
                raise CancelledError
            watch()
    finally:
        _end(process)
    if code != 0:
        raise ProcessFailed(code, tail_of(log))


def tail_of(log: Path) -> str:
    """The end of what was printed."""
    with suppress(OSError), log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        return stream.read().decode("utf-8", "replace")
    return ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it and whatever it has started."""
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()
    if process.poll() is None:
        if sys.platform == "win32":
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
        else:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
