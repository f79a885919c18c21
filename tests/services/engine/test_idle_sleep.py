"""A model that nobody uses is let go after the time that was set, and only then; the clock is the test's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from support.plans import plain_plan

from desktop.services.engine.idle_sleep import IdleSleep
from desktop.services.engine.supervisor import EngineState, Phase

READY = EngineState("ready", plain_plan("/m/smol.gguf", name="smol"))


class Room:
    """An engine, a clock and one alarm; the test says what time it is."""

    def __init__(self, minutes: float) -> None:
        self.state = READY
        self.minutes, self.now = minutes, 1000.0
        self.slept = 0
        self.alarms: list[tuple[float, Callable[[], None]]] = []
        self._listeners: list[Callable[[EngineState], None]] = []
        self.idle = IdleSleep(self, lambda: 60 * self.minutes, clock=lambda: self.now, alarm=self.start)

    def subscribe(self, listener: Callable[[EngineState], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def sleep(self) -> None:
        if self.state.phase == "ready":
            self.slept += 1
            self.tell("asleep")

    def tell(self, phase: Phase, *, lent: bool = False) -> None:
        self.state = replace(READY, phase=phase, lent=lent)
        for listener in list(self._listeners):
            listener(self.state)

    def start(self, seconds: float, call: Callable[[], None]) -> Room.Alarm:
        entry = (self.now + seconds, call)
        self.alarms.append(entry)
        return Room.Alarm(self, entry)

    class Alarm:
        def __init__(self, room: Room, entry: tuple[float, Callable[[], None]]) -> None:
            self._room, self._entry = room, entry

        def cancel(self) -> None:
            if self._entry in self._room.alarms:
                self._room.alarms.remove(self._entry)

    def wait(self, minutes: float) -> None:
        """So much later, with every alarm that was due in between."""
        end = self.now + 60 * minutes
        while due := [entry for entry in self.alarms if entry[0] <= end]:
            entry = min(due, key=lambda one: one[0])
            self.alarms.remove(entry)
            self.now = entry[0]
            entry[1]()
        self.now = end


def test_an_idle_model_sleeps_after_the_time_that_was_set() -> None:
    room = Room(15)
    room.wait(14.9)
    assert room.slept == 0
    room.wait(0.2)
    assert (room.slept, room.state.phase, room.alarms) == (1, "asleep", [])


def test_it_never_sleeps_where_no_time_is_set() -> None:
    room = Room(0)
    room.wait(10_000)
    assert (room.slept, room.alarms) == (0, [])


def test_it_does_not_sleep_in_an_answer_and_counts_from_its_end() -> None:
    room = Room(5)
    room.wait(4)
    room.tell("generating")
    room.wait(60)
    assert room.slept == 0 and room.alarms == []
    room.tell("ready")
    room.wait(4)
    assert room.slept == 0
    room.wait(2)
    assert room.slept == 1


def test_it_does_not_sleep_while_another_program_has_it_and_counts_from_then() -> None:
    room = Room(5)
    room.wait(4)
    room.tell("ready", lent=True)
    room.wait(60)
    assert room.slept == 0 and room.alarms == []
    room.tell("ready")
    room.wait(4)
    assert room.slept == 0
    room.wait(2)
    assert room.slept == 1


def test_typing_counts_as_use() -> None:
    room = Room(5)
    for _ in range(10):
        room.wait(4)
        room.idle.used()
    assert room.slept == 0
    room.wait(6)
    assert room.slept == 1


@pytest.mark.parametrize(("minutes", "slept"), [(5, 1), (60, 0), (0, 0)])
def test_another_time_counts_at_once(minutes: float, slept: int) -> None:
    room = Room(15)
    room.wait(10)
    room.minutes = minutes
    room.idle.look_again()
    room.wait(0.1)
    assert room.slept == slept
    room.wait(10)
    assert room.slept == slept


def test_what_has_been_closed_lets_nothing_sleep() -> None:
    room = Room(5)
    room.idle.close()
    room.wait(60)
    assert room.slept == 0
