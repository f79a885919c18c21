"""Heft's side of the engine process: start it, talk to it, and turn its death into a value."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.engine.child_log import ChildLog
from desktop.engine.logmap import Phase, explain_exit
from desktop.engine.worker.protocol import (
    Cancel,
    EngineDied,
    Event,
    Failed,
    Load,
    Loaded,
    PipeClosedError,
    Request,
    Shutdown,
    read_event,
    write_frame,
)
from desktop.system.atomic import put_in_place
from desktop.system.child import command
from desktop.system.spawn import child_environment, private_directory

_EXIT_SECONDS = 3.0
_LOG_LIMIT_BYTES = 2 * 1024 * 1024


class EngineClient:
    """One engine process. Events arrive on a thread of the client's own, in order, ``EngineDied`` last.

    ``on_event`` must not block for long: the pipe waits for it.
    """

    def __init__(self, log_path: Path, working_directory: Path, on_event: Callable[[Event | EngineDied], None]) -> None:
        self._log_path = log_path
        self._on_event = on_event
        self._closing = False
        self._heard = self._loading = False
        self._write_lock = threading.Lock()
        _rotate(log_path)
        self._working_directory = private_directory(working_directory)
        self._started = threading.Event()
        self._start_error: OSError | None = None
        self._reader = threading.Thread(target=self._run, name="engine-events", daemon=True)
        self._reader.start()
        self._started.wait()
        if self._start_error is not None:
            raise EngineError(
                "The engine could not be started.",
                "Set Heft up again.",
                detail=str(self._start_error),
                kind=FailureKind.NOT_STARTED,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, request: Request) -> None:
        """Send one request; a process that is gone is reported by ``EngineDied``, not here."""
        self._loading = self._loading or isinstance(request, Load)
        stdin = self._process.stdin
        assert stdin is not None
        with self._write_lock, contextlib.suppress(OSError, ValueError):
            write_frame(stdin, request)

    def cancel(self) -> None:
        """Stop what runs; acts within a graph node of llama.cpp."""
        self.send(Cancel())

    def close(self) -> None:
        """End the process: asked first, killed after a grace. No event is delivered afterwards."""
        self._closing = True
        self.send(Shutdown())
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if threading.current_thread() is not self._reader:
            self._reader.join(_EXIT_SECONDS)

    def log_tail(self) -> str:
        """The newest lines this process wrote."""
        return self._log.tail()

    def _run(self) -> None:
        """Start the process and hear it to its end.

        Both on one thread: Linux sends the parent-death signal when the *thread* that started a child ends.
        """
        self._log = ChildLog(self._log_path, "ab")
        try:
            self._process = subprocess.Popen(
                command("desktop.engine.worker.main"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log.sink,
                cwd=self._working_directory,
                env=child_environment(),
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            self._start_error = error
            return
        finally:
            self._log.handed_over()
            self._started.set()
        self._read()

    def _read(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        with stdout:
            while True:
                try:
                    event = read_event(stdout)
                except (PipeClosedError, msgspec.DecodeError, OSError, ValueError):
                    break
                self._heard = True
                if isinstance(event, Loaded | Failed):
                    self._loading = False
                if not self._closing:
                    self._on_event(event)
        if not self._closing:
            self._report_death()

    def _report_death(self) -> None:
        self._process.kill()  # after a corrupt frame it may still run
        code = self._process.wait()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        tail = self.log_tail()
        phase: Phase = "starting" if not self._heard else "loading" if self._loading else "working"
        cause = explain_exit(code, tail, phase)
        self._on_event(EngineDied(cause.kind, cause.message, cause.hint, tail, code))


def _rotate(log_path: Path) -> None:
    """Keep one older log; the engine's log never grows without bound."""
    with contextlib.suppress(OSError):
        if log_path.stat().st_size > _LOG_LIMIT_BYTES:
            put_in_place(log_path, log_path.with_suffix(".old.log"))
