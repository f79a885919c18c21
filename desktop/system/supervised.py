"""A process of Heft's own that is spoken to through a pipe, heard by a thread of its own, and ended for certain."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Literal

import msgspec

from desktop.system.child import command
from desktop.system.child_log import ChildLog
from desktop.system.framing import write_message
from desktop.system.spawn import child_environment, private_directory, start_thread

_OWN_END_SECONDS = 0.05  # a process that ended by itself keeps its own exit code; one that goes on is killed


class SupervisedProcess:
    """One of Heft's modules, running. Any thread may :meth:`send`."""

    def __init__(
        self,
        module: str,
        hear: Callable[[IO[bytes]], None],
        ended: Callable[[int, str], None],
        *,
        directory: Path | None = None,
        log_path: Path | None = None,
        log_mode: Literal["ab", "wb"] = "wb",
    ) -> None:
        """Start it. Raises OSError when the system refuses.

        ``hear`` reads its standard output until that ends, or holds what nobody asked for; then the process is ended,
        and ``ended`` is given its exit code and its last words, unless :meth:`close` came first. Both are called on one
        thread, in order, and may be before this returns.
        Without ``directory`` it works where this process does; what it writes to stderr goes to ``log_path``, or where
        there is none its last words into memory.
        """
        self._module, self._hear, self._ended = module, hear, ended
        self._directory = private_directory(directory) if directory is not None else None
        self._log_path, self._log_mode = log_path, log_mode
        self._closing = False
        self._write_lock = threading.Lock()
        self._started = threading.Event()
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, name=module, daemon=True)
        start_thread(self._thread)
        self._started.wait()
        if self._error is not None:
            raise self._error

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it is still heard; :meth:`send` to one that is not is lost."""
        return self._thread.is_alive()

    @property
    def closing(self) -> bool:
        """Whether :meth:`close` was called: what is heard now interests nobody."""
        return self._closing

    def send(self, message: msgspec.Struct) -> None:
        """Write one message to its standard input. One that is gone is told of by ``ended``, not here."""
        assert self._process.stdin is not None
        with self._write_lock, contextlib.suppress(OSError, ValueError):
            write_message(self._process.stdin, message)

    def log_tail(self) -> str:
        """The newest it wrote to stderr."""
        return self._log.tail()

    def kill(self) -> int:
        """End it now; its exit code. ``ended`` is told."""
        self._process.kill()
        self._thread.join()
        return self._process.wait()

    def close(self, farewell: msgspec.Struct, grace_seconds: float) -> None:
        """Say farewell and close its input, then kill it after a grace. ``ended`` is not told any more."""
        self._closing = True
        self.send(farewell)
        self._close_input()
        try:
            self._process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if threading.current_thread() is not self._thread:
            self._thread.join(grace_seconds)

    def _run(self) -> None:
        """Start the process and hear it to its end.

        Both on one thread: Linux sends the parent-death signal when the *thread* that started a child ends.
        """
        try:
            self._log = ChildLog(self._log_path, self._log_mode)
        except OSError as error:
            self._error = error
            self._started.set()
            return
        try:
            self._process = subprocess.Popen(
                command(self._module),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log.sink,
                cwd=self._directory,
                env=child_environment(),
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            self._error = error
            return
        finally:
            self._log.handed_over()
            self._started.set()
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            self._hear(stdout)
        if not self._closing:
            code = self._exit_code()
            self._ended(code, self._log.tail())

    def _exit_code(self) -> int:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_OWN_END_SECONDS)
        self._process.kill()  # after a corrupt message it may still run
        code = self._process.wait()
        self._close_input()
        return code

    def _close_input(self) -> None:
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
