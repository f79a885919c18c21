"""Exceptions nobody caught, from slots and threads: logged, and told in the notification area."""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType

from PySide6.QtCore import QObject, Signal

from desktop.core.errors import HeftError
from desktop.ui.shell.tasks import as_heft_error

_log = logging.getLogger(__name__)


class FailureHooks(QObject):
    """Takes over ``sys.excepthook`` and ``threading.excepthook`` until :meth:`remove`; callable from any thread."""

    failed = Signal(object)  # HeftError; queued to the GUI thread when it comes from another

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._previous = (sys.excepthook, threading.excepthook)
        sys.excepthook = self._uncaught
        threading.excepthook = self._uncaught_in_thread

    def remove(self) -> None:
        """Put the former hooks back."""
        sys.excepthook, threading.excepthook = self._previous

    def _uncaught(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, KeyboardInterrupt):
            return  # Ctrl+C ends the program through its signal handler
        if not isinstance(error, HeftError):
            _log.error("uncaught exception", exc_info=(kind, error, trace))
        self.failed.emit(as_heft_error(error))

    def _uncaught_in_thread(self, arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            self._uncaught(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)
