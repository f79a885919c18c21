"""Counting of prompts: whoever asked waits for the figure, and gets an error where none comes."""

from __future__ import annotations

import queue
import threading

from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.engine.api import Counted, EngineDied, Event, Failed

_WAIT_SECONDS = 120.0


class Counts:
    """Requests that are under way, by number. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[int, queue.SimpleQueue[Counted | Failed | EngineDied]] = {}

    def begin(self, number: int) -> None:
        """Before a request goes out."""
        with self._lock:
            self._waiting[number] = queue.SimpleQueue()

    def hear(self, event: Event | EngineDied) -> None:
        """Every event of the engine."""
        with self._lock:
            if isinstance(event, EngineDied):
                for waiting in self._waiting.values():
                    waiting.put(event)
            elif isinstance(event, Counted | Failed) and event.request_id in self._waiting:
                self._waiting[event.request_id].put(event)

    def wait(self, number: int) -> int:
        """Tokens. Raises HeftError as the engine refuses it, dies, or says nothing."""
        try:
            event = self._waiting[number].get(timeout=_WAIT_SECONDS)
        except queue.Empty:
            raise EngineError(
                tr("The engine did not count in time."), tr("Send it again."), kind=FailureKind.TOO_SLOW
            ) from None
        finally:
            with self._lock:
                del self._waiting[number]
        if isinstance(event, Failed):
            raise event.error()
        if isinstance(event, EngineDied):
            raise EngineError(event.message, event.hint, detail=event.log_tail, kind=event.kind)
        return event.tokens
