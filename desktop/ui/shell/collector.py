"""Python's cyclic garbage collector, kept on the GUI thread.

By itself it runs on whichever thread allocates most at that moment. A worker's would then destroy widgets, timers and
connections that lie in a cycle, which Qt allows on their own thread only; crashes and dead-locks of Qt programs in
Python are often this.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, Qt, QTimer

INTERVAL_MS = 1000


class Collector(QObject):
    """Collects what the automatic collector would have, by the same thresholds, on the thread it lives on."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.VeryCoarseTimer)
        self._timer.timeout.connect(collect_when_due)

    def start(self) -> None:
        """From now on this is the only collector."""
        gc.disable()
        gc.freeze()  # what the start made stays; no collection need look at it again
        self._timer.start(INTERVAL_MS)

    def stop(self) -> None:
        """Collect no more, not even automatically."""
        self._timer.stop()


def collect_when_due() -> None:
    """Collect the oldest generation whose count is over its threshold, if the youngest is."""
    counts, thresholds = gc.get_count(), gc.get_threshold()
    due = [0 < threshold < count for count, threshold in zip(counts, thresholds, strict=True)]
    if due[0]:
        gc.collect(max(generation for generation, is_due in enumerate(due) if is_due))
