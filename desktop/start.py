"""The window's start: be the first for this Heft folder, or hand over to the first; then build and run."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from desktop import __version__
from desktop.core.hub_address import hub_address, is_on_hub
from desktop.core.words import VARIABLE
from desktop.services.single_instance import Claim, claim
from desktop.store.language import chosen_language
from desktop.store.paths import Paths, default_paths
from desktop.system.child import drop_qt_variables
from desktop.system.crashes import CrashCapture


def main(arguments: Sequence[str]) -> int:
    """Open the window, on a model file when one is given; returns the exit code."""
    if _no_display():
        sys.stderr.write("heft: there is no display to open a window on.\n      Try: heft chat starter\n")
        return 1
    paths = default_paths()
    source = _source(arguments[0]) if arguments else ""
    claimed = claim(paths.data, source)
    if claimed == "handed-over":
        return 0
    return _run(paths, source, claimed if isinstance(claimed, Claim) else None)


def _run(paths: Paths, source: str, claimed: Claim | None) -> int:
    """The window's life, and what is left for the next start when it ends in a crash."""
    crashes = CrashCapture(paths.logs, "window", f"Heft {__version__}, the window")
    try:
        return _window(paths, source, claimed)
    finally:
        crashes.close()


def _window(paths: Paths, source: str, claimed: Claim | None) -> int:
    """Qt is imported here: a start that hands over never needs it."""
    from PySide6.QtCore import QLocale
    from PySide6.QtWidgets import QApplication

    os.environ[VARIABLE] = chosen_language(paths.settings, QLocale.system().uiLanguages()[0])
    from desktop.app import Heft  # what has words comes after their language is known
    from desktop.ui.shell.language import translate_qt
    from desktop.ui.shell.single_instance import FileOpenEvents, InstanceListener
    from desktop.ui.shell.termination import TerminationSignals

    application = QApplication(["heft"])
    application.setApplicationName("heft")
    application.setApplicationDisplayName("Heft")
    application.setApplicationVersion(__version__)
    application.setDesktopFileName("heft")
    translate_qt(application)
    drop_qt_variables(os.environ)
    heft = Heft(application, paths, source)
    if sys.platform == "darwin":  # elsewhere a filter would only cost time with every event
        file_events = FileOpenEvents(application)
        file_events.asked.connect(heft.answer)
        application.installEventFilter(file_events)
    listener = InstanceListener(claimed, heft.answer_question) if claimed is not None else None
    if listener is not None:
        listener.asked.connect(heft.answer)
    signals = TerminationSignals()
    signals.asked.connect(heft.close_window)
    heft.show()
    code = application.exec()
    signals.remove()
    if listener is not None:
        listener.close()
    heft.shut_down()
    return code


def _no_display() -> bool:
    if sys.platform != "linux" or os.environ.get("QT_QPA_PLATFORM"):
        return False
    return not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _source(argument: str) -> str:
    """An argument that stays true when the working directory changes."""
    if is_on_hub(argument):
        return str(hub_address(argument) or argument)
    return str(Path(argument).resolve())
