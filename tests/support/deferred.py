"""What is to be deleted later, deleted now, while the windows are still there."""

from __future__ import annotations

import sys


def delete_what_waits() -> None:
    """Deliver all deferred deletes; nothing where Qt is not loaded.

    The slot of a child may be all that keeps a test's window: let go of by the end of that child, Qt would destroy the
    child a second time, with its window, from inside that end. In the program each window has somebody who keeps it.
    """
    if (widgets := sys.modules.get("PySide6.QtWidgets")) is None or widgets.QApplication.instance() is None:
        return
    from PySide6.QtCore import QCoreApplication, QEvent

    kept = widgets.QApplication.topLevelWidgets()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    del kept
