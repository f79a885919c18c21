"""Who serves: one process for a Heft folder, the window or ``heft serve``; all others ask that one."""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.services import single_instance
from desktop.services.single_instance import HAND_OVER_SECONDS, MAX_REQUEST_BYTES, Claim

Answer = Callable[[dict[str, Any]], dict[str, Any]]

STATUS, STOP, NEW_KEY = "status", "stop", "new-key"  # what the one who serves is asked
_ASK = "serve"
_STOP_SECONDS, _LOOK_SECONDS = 40.0, 0.1


def _place(folder: Path) -> Path:
    """What the claim is about, beside that of the window."""
    return folder / "serve"


def ask_owner(folder: Path, action: str) -> dict[str, Any] | None:
    """What the process that serves for a Heft folder answers; None when none does. HeftError when it is silent."""
    return single_instance.ask(_place(folder), {"ask": _ASK, "action": action})


def stop_owner(folder: Path) -> bool:
    """Ask the process that serves to stop, and wait until it has; False where none served.

    HeftError when it refuses or does not stop in time: running answers get a moment.
    """
    told = ask_owner(folder, STOP)
    if told is None:
        return False
    deadline = time.monotonic() + _STOP_SECONDS
    while _serves(folder):
        if time.monotonic() > deadline:
            words = f"End its process ({told.get('pid', '?')})."
            raise HeftError(tr("What serves did not stop in time."), words, kind=FailureKind.NO_ANSWER)
        time.sleep(_LOOK_SECONDS)  # another process, which tells nobody that it has ended
    return True


def busy(told: dict[str, Any]) -> HeftError:
    """That another process of Heft's serves; ``told`` is its status."""
    who = "Heft's window" if told.get("served_by") == "window" else f"heft serve (process {told.get('pid', '?')})"
    where = f" on {told['address']}" if told.get("address") else ""
    return HeftError(
        tr("{who} serves already{where}.", who=who, where=where),
        tr("Stop it first: heft serve stop"),
        kind=FailureKind.BUSY,
    )


def _serves(folder: Path) -> bool:
    """Whether a process that was asked to stop has not yet."""
    try:
        return ask_owner(folder, STATUS) is not None
    except HeftError:  # it stopped listening in the middle of the question
        return True


class Owner:
    """Being the one who serves, from its making to :meth:`close`. Questions are answered on threads of their own."""

    def __init__(self, claim: Claim, answer: Answer) -> None:
        self._claim, self._answer = claim, answer
        self._woken, self._wake = socket.socketpair()
        self._closed = False
        self._thread = threading.Thread(target=self._hear, name="serve-questions", daemon=True)
        self._thread.start()

    @classmethod
    def claimed(cls, folder: Path, answer: Answer) -> Owner:
        """Become it. HeftError (BUSY) while another process is, which may hang."""
        deadline = time.monotonic() + HAND_OVER_SECONDS
        while (claim := single_instance.hold(_place(folder))) is None:
            told = ask_owner(folder, STATUS)
            if told is not None or time.monotonic() > deadline:
                raise busy(told or {})
            time.sleep(_LOOK_SECONDS)  # it begins or ends in this moment: it has the claim, and does not listen
        return cls(claim, answer)

    def close(self) -> None:
        """Let another process serve; may be called twice, and from an answer."""
        if self._closed:
            return
        self._closed = True
        self._wake.close()
        if sys.platform == "win32":
            with contextlib.suppress(OSError), open(self._claim.address, "r+b", buffering=0):  # noqa: PTH123
                pass  # a pipe that waits for a client knows no other way to be woken
        if threading.current_thread() is not self._thread:
            self._thread.join(HAND_OVER_SECONDS)
        self._claim.release()

    def _hear(self) -> None:
        if sys.platform == "win32":
            self._hear_pipe()
        else:
            self._hear_socket()

    def _hear_socket(self) -> None:
        listener = self._claim.listener
        with self._woken, selectors.DefaultSelector() as ready:
            ready.register(self._woken, selectors.EVENT_READ)
            if listener is not None:
                ready.register(listener, selectors.EVENT_READ)
            while not self._closed:
                for key, _ in ready.select():
                    if key.fileobj is self._woken or listener is None:
                        return
                    with contextlib.suppress(OSError):
                        talk, _ = listener.accept()
                        threading.Thread(target=self._talk, args=(talk,), name="serve-answer", daemon=True).start()

    def _talk(self, talk: socket.socket) -> None:
        heard = b""
        with talk, contextlib.suppress(OSError):
            talk.settimeout(HAND_OVER_SECONDS)
            while b"\n" not in heard and len(heard) <= MAX_REQUEST_BYTES:
                part = talk.recv(MAX_REQUEST_BYTES)
                if not part:
                    break
                heard += part
            talk.sendall(self._answered(heard))

    def _answered(self, heard: bytes) -> bytes:
        asked: Any = None
        with contextlib.suppress(ValueError):
            asked = json.loads(heard)
        known = isinstance(asked, dict) and asked.get("ask") == _ASK
        return json.dumps(self._answer(asked) if known else {}).encode() + b"\n"

    if sys.platform == "win32":

        def _hear_pipe(self) -> None:
            import _winapi

            first = _winapi.FILE_FLAG_FIRST_PIPE_INSTANCE
            while not self._closed:
                try:
                    pipe = _winapi.CreateNamedPipe(
                        self._claim.address, _winapi.PIPE_ACCESS_DUPLEX | first, _winapi.PIPE_WAIT, 1,
                        MAX_REQUEST_BYTES, MAX_REQUEST_BYTES, _winapi.NMPWAIT_WAIT_FOREVER, _winapi.NULL,
                    )  # fmt: skip
                except OSError:
                    return
                with contextlib.suppress(OSError):
                    _winapi.ConnectNamedPipe(pipe)
                    line, _ = _winapi.ReadFile(pipe, MAX_REQUEST_BYTES)
                    _winapi.WriteFile(pipe, self._answered(bytes(line)))
                _winapi.CloseHandle(pipe)
