"""The first instance's ear: what later starts were asked to open arrives as a signal on the GUI thread."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QEvent, QObject, QSocketNotifier, Qt, Signal
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QWidget

from desktop.services.single_instance import (
    ACCEPTED,
    HAND_OVER_SECONDS,
    MAX_REQUEST_BYTES,
    Claim,
    OpenRequest,
    decode,
)
from desktop.ui.shared.signals import calling

Answer = Callable[[dict[str, Any]], dict[str, Any]]


class InstanceListener(QObject):
    """Hears later starts until it is closed; a start is told "accepted" once its request was handled here.

    Questions of commands are answered on threads of their own.
    """

    asked = Signal(object)  # OpenRequest

    def __init__(self, claim: Claim, answer: Answer | None = None, parent: QObject | None = None) -> None:
        """``answer`` is called off the GUI thread."""
        super().__init__(parent)
        self._answer = answer or (lambda question: {})
        self._claim = claim
        self._talks: dict[socket.socket, tuple[QSocketNotifier, bytearray]] = {}
        self._notifier: QSocketNotifier | None = None
        if claim.listener is not None:
            self._notifier = QSocketNotifier(claim.listener.fileno(), QSocketNotifier.Type.Read, self)
            self._notifier.activated.connect(self._accept)
        elif sys.platform == "win32":
            self._pipe = _PipeThread(claim.address, self._answer, self)
            self._pipe.heard.connect(self._answer_pipe, Qt.ConnectionType.QueuedConnection)
            self._pipe.start()

    def close(self) -> None:
        """Stop hearing and let another start be the first."""
        if self._notifier is not None:
            self._notifier.setEnabled(False)
        for talk in tuple(self._talks):
            self._end(talk)
        self._claim.release()

    def _accept(self) -> None:
        listener = self._claim.listener
        if listener is None:
            return
        with contextlib.suppress(OSError):
            talk, _ = listener.accept()
            talk.setblocking(False)
            notifier = QSocketNotifier(talk.fileno(), QSocketNotifier.Type.Read, self)
            self._talks[talk] = (notifier, bytearray())
            notifier.activated.connect(calling(self._read, talk))

    def _read(self, talk: socket.socket) -> None:
        if talk not in self._talks:
            return
        heard = self._talks[talk][1]
        try:
            part = talk.recv(MAX_REQUEST_BYTES)
        except OSError:
            part = b""
        heard += part
        if part and b"\n" not in heard and len(heard) <= MAX_REQUEST_BYTES:
            return
        with contextlib.suppress(ValueError, OSError):
            wanted = decode(bytes(heard))
            if isinstance(wanted, dict):
                self._end(talk, keep=True)
                # without this object: a thread that lets go of it last would destroy it, and Qt aborts at that
                threading.Thread(target=_tell, args=(talk, wanted, self._answer), name="answer", daemon=True).start()
                return
            self.asked.emit(wanted)
            talk.send(ACCEPTED)
        self._end(talk)

    def _end(self, talk: socket.socket, *, keep: bool = False) -> None:
        """Hear no more from a talk; ``keep`` leaves it open for the answer."""
        notifier, _ = self._talks.pop(talk)
        notifier.setEnabled(False)
        notifier.deleteLater()
        if not keep:
            talk.close()

    def _answer_pipe(self, line: bytes, handled: threading.Event) -> None:
        with contextlib.suppress(ValueError):
            self.asked.emit(OpenRequest.decode(line))
            handled.set()


def _tell(talk: socket.socket, question: dict[str, Any], answer: Answer) -> None:
    """Answer a question, on a thread of its own."""
    with talk, contextlib.suppress(OSError):
        talk.settimeout(HAND_OVER_SECONDS)
        talk.sendall(json.dumps(answer(question)).encode() + b"\n")


class FileOpenEvents(QObject):
    """macOS tells a running or starting application by an event what to open, not by its arguments."""

    asked = Signal(object)  # OpenRequest

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Turn the event into a request; all others pass."""
        if isinstance(event, QFileOpenEvent) and event.file():
            self.asked.emit(OpenRequest(event.file()))
            return True
        return super().eventFilter(watched, event)


def come_forward(window: QWidget, token: str = "") -> None:
    """Bring the window to the front, with the desktop's token for doing so where it gave one."""
    if token:
        os.environ["XDG_ACTIVATION_TOKEN"] = token  # Qt's Wayland plugin takes it from there
    window.setWindowState(window.windowState() & ~Qt.WindowState.WindowMinimized)
    window.show()
    window.raise_()
    window.activateWindow()
    os.environ.pop("XDG_ACTIVATION_TOKEN", None)


if sys.platform == "win32":
    import _winapi

    _DUPLEX_FIRST = _winapi.PIPE_ACCESS_DUPLEX | _winapi.FILE_FLAG_FIRST_PIPE_INSTANCE

    class _PipeThread(QObject):
        """Serves one start after another; ``handled`` is set by the GUI thread."""

        heard = Signal(bytes, object)  # a line, and the event to set once it was handled

        def __init__(self, address: str, answer: Answer, parent: QObject) -> None:
            super().__init__(parent)
            self._address = address
            self._answer = answer
            self.handled = threading.Event()

        def start(self) -> None:
            """Begin; the thread ends with the process."""
            threading.Thread(target=self._serve, name="later-starts", daemon=True).start()

        def _serve(self) -> None:
            while True:
                try:
                    pipe = _winapi.CreateNamedPipe(
                        self._address, _DUPLEX_FIRST, _winapi.PIPE_WAIT, 1,
                        MAX_REQUEST_BYTES, MAX_REQUEST_BYTES, _winapi.NMPWAIT_WAIT_FOREVER, _winapi.NULL,
                    )  # fmt: skip
                except OSError:
                    return  # another start was quicker
                with contextlib.suppress(OSError):
                    _winapi.ConnectNamedPipe(pipe)
                    line, _ = _winapi.ReadFile(pipe, MAX_REQUEST_BYTES)
                    _winapi.WriteFile(pipe, self._handle(bytes(line)))
                _winapi.CloseHandle(pipe)

        def _handle(self, line: bytes) -> bytes:
            """What to write back; nothing where the window does not come to it."""
            wanted: object = None
            with contextlib.suppress(ValueError):
                wanted = decode(line)
            if isinstance(wanted, dict):
                return json.dumps(self._answer(wanted)).encode() + b"\n"
            self.handled.clear()
            self.heard.emit(line, self.handled)
            return ACCEPTED if self.handled.wait(HAND_OVER_SECONDS) else b""
