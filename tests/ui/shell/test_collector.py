"""Garbage goes on the GUI thread, whichever thread made it."""

import gc
import threading
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from desktop.ui.shell.collector import Collector, collect_when_due


class Cyclic:
    """Only the collector can free it; it notes on which thread that was."""

    def __init__(self, freed_on: list[threading.Thread]) -> None:
        self.itself = self
        self.freed_on = freed_on

    def __del__(self) -> None:
        self.freed_on.append(threading.current_thread())


@pytest.fixture(autouse=True)
def automatic_again() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)


def test_what_a_worker_drops_is_freed_on_the_gui_thread(qtbot: QtBot) -> None:
    gc.enable()
    collector = Collector()
    collector.start()
    freed_on: list[threading.Thread] = []

    def work() -> None:
        for _ in range(gc.get_threshold()[0] * 3):
            Cyclic(freed_on)

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert freed_on == []
    qtbot.waitUntil(lambda: bool(freed_on))
    assert set(freed_on) == {threading.main_thread()}
    collector.stop()


def test_nothing_is_collected_before_it_is_due() -> None:
    gc.disable()
    gc.collect()
    gc.set_threshold(1000, 2, 2)
    freed_on: list[threading.Thread] = []
    Cyclic(freed_on)
    collect_when_due()
    assert freed_on == []
    kept: list[list[object]] = [[] for _ in range(2000)]
    collect_when_due()
    assert len(freed_on) == 1 and kept


def test_older_generations_follow_when_their_turn_comes() -> None:
    gc.disable()
    gc.collect()
    gc.set_threshold(100, 2, 1000)
    freed_on: list[threading.Thread] = []
    old = Cyclic(freed_on)
    gc.collect(0)  # it is in the second generation now
    del old
    kept: list[list[object]] = []
    for _ in range(3):
        kept += [[] for _ in range(200)]
        collect_when_due()
    assert len(freed_on) == 1
