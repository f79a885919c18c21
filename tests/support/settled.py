"""A wait of a test ends when what it waited for is there, and what comes with it from other threads is there, too.

A page shows one thing by several deliveries: a worker's result, a service's event, a batch of text. What a test waits
for may come with the first of them and what it looks at next with the second, which on a busy computer is later.
"""

from __future__ import annotations

import time
import weakref
from typing import Any

from PySide6.QtCore import QObject, QTimer
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from desktop.ui.shell.engine_bridge import Bridge
from desktop.ui.shell.tasks import Tasks

MOST_SECONDS = 5.0
HUNG_SECONDS = 1.0  # what does not change for so long waits for the test, as a worker that it holds
_BATCH_MS = 100  # timers of so long gather what belongs together

_bridges: weakref.WeakSet[Bridge] = weakref.WeakSet()
_tasks: weakref.WeakSet[Tasks] = weakref.WeakSet()
_timers: weakref.WeakSet[QTimer] = weakref.WeakSet()


def settle_after_waits() -> None:
    """From now on :meth:`QtBot.waitUntil` does so."""
    _remember(Bridge, "__init__", _bridges)
    _remember(Tasks, "__init__", _tasks)
    _remember(QTimer, "start", _timers)
    wait_until = QtBot.waitUntil

    def settled(self: QtBot, callback: Any, **timeout: Any) -> None:
        wait_until(self, callback, **timeout)
        settle(self)

    QtBot.waitUntil = settled  # type: ignore[method-assign]


def settle(qtbot: QtBot) -> None:
    """Until nothing is on its way to the GUI thread any more that comes by itself."""
    end = time.monotonic() + MOST_SECONDS
    seen, since = _on_the_way(), time.monotonic()
    while seen and (now := time.monotonic()) < end and now - since < HUNG_SECONDS:
        qtbot.wait(1)
        if (found := _on_the_way()) != seen:
            seen, since = found, time.monotonic()


def _on_the_way() -> frozenset[object]:
    """What will be delivered: results of workers, events of services, batches."""
    tasks = {id(task) for made in _there(_tasks) for task in tuple(made._live)}
    events = {(id(bridge), len(bridge._waiting)) for bridge in _there(_bridges) if bridge._waiting}
    timers = {id(timer) for timer in _there(_timers) if _gathers(timer)}
    return frozenset((*tasks, *events, *timers))


def _gathers(timer: QTimer) -> bool:
    return timer.isActive() and timer.isSingleShot() and timer.interval() <= _BATCH_MS


def _there(known: weakref.WeakSet[Any]) -> list[Any]:
    return [one for one in tuple(known) if isValid(one)]


def _remember(kind: type[Any], name: str, known: weakref.WeakSet[Any]) -> None:
    original = getattr(kind, name)

    def remembering(self: QObject, *args: Any, **more: Any) -> Any:
        answer = original(self, *args, **more)
        known.add(self)
        return answer

    setattr(kind, name, remembering)
