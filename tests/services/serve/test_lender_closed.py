"""A lender that is closed leaves no server behind, whatever its loads, its servers and its threads are about."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from support.lender_computer import GB, SECONDS, Asking, Computer, Desk, FakeServer, a_model, a_plan

from desktop.core.cancelled import Cancelled, never
from desktop.core.errors import HeftError
from desktop.core.load_plan import LoadPlan
from desktop.services.serve import lender
from desktop.services.serve.api import Purpose

SMALL, LARGE, OTHER = a_model("small", 2 * GB), a_model("large", 6 * GB), a_model("other", 5 * GB)


class Slow(Computer):
    """A load that is given up ends when it is loaded, and no earlier; one that ends waits for ``may_end``."""

    def __init__(self) -> None:
        super().__init__(10 * GB)
        self.may_end = threading.Event()
        self.may_end.set()
        self.ends = threading.Event()

    def start(self, plan: LoadPlan, purpose: Purpose, cancelled: Cancelled, ended: Callable[[], None]) -> FakeServer:
        return super().start(plan, purpose, never, ended)

    def give_back(self, server: FakeServer) -> None:
        self.ends.set()
        assert self.may_end.wait(SECONDS)
        super().give_back(server)


def test_a_load_that_outlives_the_close_is_ended_when_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lender, "_END_SECONDS", 0.05)
    desk = Desk(Slow(), SMALL)
    desk.computer.gate.clear()
    asking = Asking(desk, SMALL)
    assert desk.computer.loading.acquire(timeout=SECONDS)
    desk.lender.close()
    assert asking.done().error is not None and desk.computer.holds() == ["small"]
    desk.computer.gate.set()
    desk.until(lambda: desk.computer.holds() == [])


def test_what_others_are_ending_is_waited_for() -> None:
    computer = Slow()
    desk = Desk(computer, SMALL, LARGE)
    desk.lender.acquire(LARGE, "text", never).release()
    computer.may_end.clear()
    making_way = threading.Thread(target=desk.lender.make_way, args=(a_plan(OTHER), never))
    making_way.start()
    assert computer.ends.wait(SECONDS)
    closing = threading.Thread(target=desk.lender.close)
    closing.start()
    closing.join(0.3)
    assert closing.is_alive() and computer.holds() == ["large"]
    computer.may_end.set()
    for thread in (closing, making_way):
        thread.join(SECONDS)
    assert not closing.is_alive() and computer.holds() == []


@pytest.mark.errors_logged
def test_a_server_that_cannot_be_ended_keeps_no_other_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(Computer(10 * GB), SMALL, OTHER)
    for model in (SMALL, OTHER):
        desk.lender.acquire(model, "text", never).release()

    def refuse() -> None:
        raise PermissionError

    monkeypatch.setattr(desk.computer.running[0], "close", refuse)
    desk.lender.close()
    assert desk.computer.holds() == ["small"]


def test_a_thread_that_could_not_begin_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(Computer(10 * GB), SMALL)

    def refuse(_thread: threading.Thread) -> None:
        raise OSError

    with monkeypatch.context() as full:
        full.setattr(lender, "start_thread", refuse)
        with pytest.raises(HeftError, match="could not be started"):
            desk.lender.acquire(SMALL, "text", never)
    desk.lender.acquire(SMALL, "text", never).release()
    desk.lender.unload(SMALL)
    desk.until(lambda: desk.computer.holds() == [])
    desk.lender.acquire(SMALL, "text", never).release()
    desk.lender.close()
    assert desk.computer.holds() == []
