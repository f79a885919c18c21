"""A module for tests of ``desktop.engine.helper_process``: echoes, refuses, loops, eats memory or dies, as asked."""

from __future__ import annotations

import os
import signal
import threading

import msgspec

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.progress import Progress, Report
from desktop.engine.helper_process import serve

MEMORY_BYTES = 512 * 1024 * 1024


class Do(msgspec.Struct, frozen=True):
    """What to do, and with which text."""

    what: str
    text: str = ""


class Done(msgspec.Struct, frozen=True):
    """The text, and the process that gave it."""

    text: str
    pid: int


def answer(request: Do, progress: Report) -> Done:
    match request.what:
        case "refuse":
            raise HeftError("No.", "Ask differently.", kind=FailureKind.REFUSED, detail=request.text)
        case "wait":
            progress(Progress.of(0.5, "waiting"))
            threading.Event().wait()
        case "die":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "eat":
            return Done(text=str(len("x" * (4 * MEMORY_BYTES))), pid=os.getpid())
        case "fail":
            raise ZeroDivisionError(request.text)
        case "print":
            os.write(1, b"noise on standard output\n")
    return Done(request.text, os.getpid())


if __name__ == "__main__":
    serve(Do, answer, memory_bytes=MEMORY_BYTES)
