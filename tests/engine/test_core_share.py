"""How many threads an answer uses while other programs compute."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.engine import DrivenEngine

from desktop.engine.server.core_share import CoreShare, CoreTimes, core_times, worthwhile_threads


@pytest.mark.parametrize(
    ("wanted", "others", "cores", "threads"),
    [
        (2, 0.0, 2, 2),
        (2, 0.3, 2, 2),  # the window that paints the answer is no reason to halve the speed
        (2, 0.7, 2, 1),
        (2, 1.3, 2, 1),
        (1, 5.0, 2, 1),
        (8, 0.1, 8, 8),
        (8, 0.5, 8, 7),  # one program that shares a core with one of eight threads
        (8, 3.0, 8, 5),
        (8, 3.0, 16, 8),  # on idle hyper-threads
        (8, 10.0, 16, 6),
        (64, 64.0, 64, 1),
    ],
)
def test_fewer_threads_that_run_beat_more_that_wait(wanted: int, others: float, cores: int, threads: int) -> None:
    assert worthwhile_threads(wanted, others, cores) == threads


def test_it_follows_what_others_use(monkeypatch: pytest.MonkeyPatch) -> None:
    now = CoreTimes(0.0, 0.0, 0.0, 4)

    def after(seconds: float, others: float, own: float) -> None:
        nonlocal now
        now = CoreTimes(now.clock + seconds, now.busy + (others + own) * seconds, now.own + own * seconds, 4)

    monkeypatch.setattr(time, "monotonic", lambda: now.clock)
    share = CoreShare(4, read=lambda: now)
    after(0.1, others=4.0, own=4.0)
    assert share.threads() == 4  # too short to tell
    after(0.5, others=2.0, own=2.0)
    assert share.threads() == 2
    after(0.2, others=0.0, own=2.0)
    assert share.threads() == 2
    after(0.4, others=0.0, own=2.0)
    assert share.threads() == 4
    after(5.0, others=4.0, own=0.0)  # between two answers
    share.begin()
    assert share.threads() == 4
    after(0.5, others=0.0, own=4.0)
    assert share.threads() == 4


def test_what_the_system_counts() -> None:
    before = core_times(os.getpid())
    while psutil.cpu_count() and core_times(os.getpid()).own - before.own < 0.1:
        pass
    after = core_times(os.getpid())
    assert after.own - before.own >= 0.1
    assert after.busy - before.busy > 0
    assert after.clock > before.clock
    assert 1 <= after.cores <= (psutil.cpu_count() or 1)


@pytest.fixture
def busy_cores() -> Iterator[None]:
    programs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(psutil.cpu_count() or 1)]
    yield
    for program in programs:
        program.kill()
        program.wait()


@pytest.mark.engine
@pytest.mark.usefixtures("busy_cores")
def test_a_busy_computer_takes_threads_of_an_answer_unless_their_number_was_given(
    engine: DrivenEngine, starter_model: Path
) -> None:
    loaded = engine.load(starter_model)
    _, finished = engine.ask("Count from one to two hundred.", max_tokens=300)
    assert finished.statistics.given_up_threads > 0 or loaded.threads == 1
    assert engine.load(starter_model, threads=1).threads == 1
    _, finished = engine.ask("Count to five.", max_tokens=40)
    assert finished.statistics.given_up_threads == 0
