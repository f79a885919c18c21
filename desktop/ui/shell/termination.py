"""SIGINT and SIGTERM end the program as closing the window does."""

from __future__ import annotations

import signal
import socket
from types import FrameType

from PySide6.QtCore import QObject, QSocketNotifier, Signal

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class TerminationSignals(QObject):
    """Wakes Qt's event loop through a socket when a signal comes, so that no timer has to poll for it."""

    asked = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)
        self._notifier = QSocketNotifier(self._read.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._woken)
        self._old_descriptor = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        self._old = {number: signal.signal(number, self._handle) for number in _SIGNALS}

    def remove(self) -> None:
        """Put the former handlers back."""
        for number, handler in self._old.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._old_descriptor)
        self._notifier.setEnabled(False)
        self._read.close()
        self._write.close()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        """Python needs a handler to write to the socket; the event loop does the work."""

    def _woken(self) -> None:
        try:
            self._read.recv(64)
        except BlockingIOError:
            return
        self.asked.emit()
