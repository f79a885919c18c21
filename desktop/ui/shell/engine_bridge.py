"""Brings what the services tell on background threads to the GUI thread, merged to about 30 times a second."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QElapsedTimer, QObject, Qt, QTimer, Signal, Slot

from desktop.services.chat.events import PromptRead, TextAdded
from desktop.services.engine.supervisor import EngineState

INTERVAL_MS = 33  # about 30 deliveries a second: as often as the eye follows text

Merge = Callable[[Any, Any], Any | None]


def merge_states(older: EngineState, newer: EngineState) -> EngineState | None:
    """Within one phase of one process only the newest state counts; changes of phase are all told."""
    same = (older.phase, older.pid, older.model_path) == (newer.phase, newer.pid, newer.model_path)
    return newer if same else None


def merge_chat_events(older: object, newer: object) -> object | None:
    """Text of one message is joined, reading progress replaced; None where both events have to be told."""
    if isinstance(older, TextAdded) and isinstance(newer, TextAdded) and older.message_id == newer.message_id:
        if newer.turned:
            return replace(newer, reasoning=older.reasoning + older.text + newer.reasoning)
        text, reasoning = older.text + newer.text, older.reasoning + newer.reasoning
        return replace(newer, text=text, reasoning=reasoning, turned=older.turned)
    if isinstance(older, PromptRead) and isinstance(newer, PromptRead) and older.message_id == newer.message_id:
        return newer
    return None


class Bridge(QObject):
    """Listens to one service and emits its events on the GUI thread, in order.

    The first event after a pause is delivered at once, later ones in batches every INTERVAL_MS; no timer runs
    while nothing comes. ``merge`` joins two neighbours into one, or returns None to keep both.
    """

    received = Signal(object)
    _wake = Signal()

    def __init__(
        self,
        subscribe: Callable[[Callable[[Any], None]], Callable[[], None]],
        merge: Merge,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._merge = merge
        self._lock = threading.Lock()
        self._waiting: list[Any] = []
        self._closed = False
        self._since = QElapsedTimer()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._deliver)
        self._wake.connect(self._schedule, Qt.ConnectionType.QueuedConnection)
        self._unsubscribe = subscribe(self._hear)

    def close(self) -> None:
        """Stop listening; nothing is emitted any more."""
        self._unsubscribe()
        with self._lock:
            self._closed = True
            self._waiting.clear()
        self._timer.stop()

    def _hear(self, event: Any) -> None:
        with self._lock:
            if self._closed:
                return
            first = not self._waiting
            merged = None if first else self._merge(self._waiting[-1], event)
            if merged is None:
                self._waiting.append(event)
            else:
                self._waiting[-1] = merged
        if first:
            self._wake.emit()

    @Slot()
    def _schedule(self) -> None:
        passed = self._since.elapsed() if self._since.isValid() else INTERVAL_MS
        if passed >= INTERVAL_MS:
            self._deliver()
        elif not self._timer.isActive():
            self._timer.start(INTERVAL_MS - passed)

    @Slot()
    def _deliver(self) -> None:
        with self._lock:
            events, self._waiting = self._waiting, []
        self._since.start()
        for event in events:
            if self._closed:
                return
            self._tell(event)

    def _tell(self, event: Any) -> None:
        self.received.emit(event)
