"""What is kept warm ends when it is not used, and never while it is."""

from __future__ import annotations

import threading

from desktop.system.idle import IdleClose


def test_it_closes_once_nothing_ran_for_a_while() -> None:
    closed = threading.Event()
    idle = IdleClose(closed.set, seconds=0.01)
    with idle:
        assert not closed.is_set()
    assert closed.wait(30)
    idle.close()


def test_it_does_not_close_while_a_call_runs() -> None:
    closed: list[int] = []
    idle = IdleClose(lambda: closed.append(1), seconds=3600)
    with idle:
        with idle:
            pass
        idle._expire()
        assert not closed
    idle.close()
    assert closed == [1]


def test_a_call_that_outlives_the_close_leaves_nothing_behind() -> None:
    closed: list[int] = []
    idle = IdleClose(lambda: closed.append(1), seconds=3600)
    with idle:
        idle.close()
    assert closed == [1, 1] and idle._timer is None
