"""Frees the memory of a model that nobody uses; the next question loads it again as it was planned."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from desktop.services.engine.supervisor import EngineState


class Sleeper(Protocol):
    """What falls asleep: :class:`desktop.services.engine.supervisor.EngineService`."""

    @property
    def state(self) -> EngineState:
        """What it does now."""

    def subscribe(self, listener: Callable[[EngineState], None]) -> Callable[[], None]:
        """Hear every change of state."""

    def sleep(self) -> None:
        """Let the model go, if it is idle."""


class Alarm(Protocol):
    """Something that will happen, and can be called off."""

    def cancel(self) -> None:
        """It does not happen."""


StartAlarm = Callable[[float, Callable[[], None]], Alarm]


class IdleSleep:
    """Counts from the last use: a load, the end of an answer (another program's, too), a key pressed where questions
    are written.

    ``seconds`` is how long a model may be idle, as it is set now; 0 for ever. Thread-safe.
    """

    def __init__(
        self,
        engine: Sleeper,
        seconds: Callable[[], float],
        *,
        clock: Callable[[], float] = time.monotonic,
        alarm: StartAlarm | None = None,
    ) -> None:
        self._engine, self._seconds, self._clock = engine, seconds, clock
        self._start_alarm = alarm or _timer
        self._lock = threading.Lock()
        self._alarm: Alarm | None = None
        self._used = clock()
        self._closed = False
        self._doing: tuple[str, bool] = ("", False)
        self._unsubscribe = engine.subscribe(self._hear)
        self._hear(engine.state)

    def used(self) -> None:
        """The model is wanted, or will be in a moment."""
        self._used = self._clock()

    def look_again(self) -> None:
        """Another time may have been set."""
        with self._lock:
            self._call_off()
            allowed = self._seconds()
            state = self._engine.state
            if self._closed or allowed <= 0 or state.phase != "ready" or state.lent:
                return
            left = self._used + allowed - self._clock()
            self._alarm = self._start_alarm(max(0.0, left), self._ring)

    def close(self) -> None:
        """Nothing falls asleep any more."""
        self._unsubscribe()
        with self._lock:
            self._closed = True
            self._call_off()

    def _hear(self, state: EngineState) -> None:
        if (doing := (state.phase, state.lent)) != self._doing:  # a running answer tells of its speed all the time
            self._doing = doing
            self.used()
            self.look_again()

    def _ring(self) -> None:
        allowed = self._seconds()
        if allowed > 0 and self._clock() - self._used >= allowed:
            self._engine.sleep()
        else:
            self.look_again()

    def _call_off(self) -> None:
        alarm, self._alarm = self._alarm, None
        if alarm is not None:
            alarm.cancel()


def _timer(seconds: float, call: Callable[[], None]) -> Alarm:
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()
    return timer
