"""Heft's side of the engine process: start it, talk to it, and turn its death into a value."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.engine.api import (
    EVENTS,
    Cancel,
    EngineDied,
    Event,
    Failed,
    Load,
    Loaded,
    Request,
    Shutdown,
)
from desktop.system.atomic import put_in_place
from desktop.system.framing import messages
from desktop.system.supervised import SupervisedProcess

_EXIT_SECONDS = 3.0
_LOG_LIMIT_BYTES = 2 * 1024 * 1024


class EngineClient:
    """One engine process. Events arrive on a thread of the client's own, in order, ``EngineDied`` last.

    ``on_event`` must not block for long: the pipe waits for it.
    """

    def __init__(self, log_path: Path, working_directory: Path, on_event: Callable[[Event | EngineDied], None]) -> None:
        self._on_event = on_event
        self._heard = self._loading = self._closing = False
        _rotate(log_path)
        try:
            self._process = SupervisedProcess(
                "desktop.engine.worker.main",
                self._hear,
                self._died,
                directory=working_directory,
                log_path=log_path,
                log_mode="ab",
            )
        except OSError as error:
            raise EngineError(
                "The engine could not be started.",
                "Set Heft up again.",
                detail=str(error),
                kind=FailureKind.NOT_STARTED,
            ) from error

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, request: Request) -> None:
        """Send one request; a process that is gone is reported by ``EngineDied``, not here."""
        self._loading = self._loading or isinstance(request, Load)
        self._process.send(request)

    def cancel(self) -> None:
        """Stop what runs; acts within a graph node of llama.cpp."""
        self.send(Cancel())

    def close(self) -> None:
        """End the process: asked first, killed after a grace. No event is delivered afterwards."""
        self._closing = True
        self._process.close(Shutdown(), _EXIT_SECONDS)

    def log_tail(self) -> str:
        """The newest lines this process wrote."""
        return self._process.log_tail()

    def _hear(self, stdout: IO[bytes]) -> None:
        for event in messages(stdout, EVENTS):
            self._heard = True
            if isinstance(event, Loaded | Failed):
                self._loading = False
            if not self._closing:
                self._on_event(event)

    def _died(self, exit_code: int, tail: str) -> None:
        from desktop.engine.logmap import Phase, explain_exit  # its patterns would cost the window's start

        phase: Phase = "starting" if not self._heard else "loading" if self._loading else "working"
        cause = explain_exit(exit_code, tail, phase)
        self._on_event(EngineDied(cause.kind, cause.message, cause.hint, tail, exit_code))


def _rotate(log_path: Path) -> None:
    """Keep one older log; the engine's log never grows without bound."""
    with contextlib.suppress(OSError):
        if log_path.stat().st_size > _LOG_LIMIT_BYTES:
            put_in_place(log_path, log_path.with_suffix(".old.log"))
