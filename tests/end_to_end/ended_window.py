"""The window as a process that ends in the way it is told to; or the one after that, which says what it shows.

python -m ended_window segv|abort|kill|helper|quit
python -m ended_window look
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QPushButton
from support.led_window import until

from desktop.app import Heft
from desktop.cli import main as command
from desktop.ui.shell.notifications import Notification

_LOOKED: list[list[Path]] = []
HELPER = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"]


def _end(heft: Heft, how: str) -> None:
    if how == "segv":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif how == "abort":
        os.abort()
    elif how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "helper":
        subprocess.run(HELPER)
    heft.close_window()


def _look(heft: Heft) -> None:
    area = heft._window.notifications
    until(lambda: _LOOKED, "the look for crashes")
    seen = [shown.text for shown in area.notifications]
    if seen:
        _answer(area.notifications[-1], "Save report").click()
        until(lambda: any("report is in" in shown.text for shown in area.notifications), "the report")
        seen += [shown.text for shown in area.notifications]
    sys.stdout.write(json.dumps(seen))
    heft.close_window()


def _hear_of_the_look(heft: Heft) -> None:
    """The log cannot tell: the window before this one has written the same lines."""
    found = heft._reports._found

    def heard(crashes: list[Path]) -> None:
        found(crashes)
        _LOOKED.append(crashes)

    setattr(heft._reports, "_found", heard)  # noqa: B010


def _answer(shown: Notification, words: str) -> QPushButton:
    return next(button for button in shown.findChildren(QPushButton) if button.text() == words)


def _main(how: str) -> int:
    then: Callable[[Heft], None] = _look if how == "look" else lambda heft: _end(heft, how)
    show = Heft.show

    def shown(heft: Heft) -> None:
        _hear_of_the_look(heft)
        show(heft)
        heft._window.painted.connect(lambda: QTimer.singleShot(0, lambda: then(heft)))

    setattr(Heft, "show", shown)  # noqa: B010 - the window that main() makes
    return command([])


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))
