"""How many threads pay while other programs use the processor.

llama.cpp's threads wait for each other after every operation of the graph, some hundred times a token: one thread
without a core holds up all others, and a busy computer makes an answer several times slower than its share of the
cores would. Fewer threads that run are then faster than more that wait (tests/bench/bench_busy.py).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

_INTERVAL = 0.5  # seconds between two looks; the system counts in steps of 10 ms
_BUSY = ("user", "nice", "system", "irq", "softirq", "steal")  # of psutil's times; what is stolen is not ours either


@dataclass(frozen=True)
class CoreTimes:
    """Seconds: a clock, the time all programs computed on ``cores`` together, and of that the engine's."""

    clock: float
    busy: float
    own: float
    cores: int


def core_times(pid: int) -> CoreTimes:
    """Now, on the logical cores this process may use; ``pid`` is the engine's. Raises psutil.Error when it ended."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    times = [core for number, core in enumerate(psutil.cpu_times(percpu=True)) if not allowed or number in allowed]
    busy = sum(getattr(core, name, 0.0) for core in times for name in _BUSY)
    own = psutil.Process(pid).cpu_times()
    return CoreTimes(time.monotonic(), busy, own.user + own.system, len(times))


def worthwhile_threads(wanted: int, others: float, cores: int) -> int:
    """The number of threads, 1 to ``wanted``, that gets the most done beside ``others`` busy cores of ``cores``.

    Where ``k`` threads and the others need more cores than there are, one thread lacks that part of its core, and all
    run at the speed of that one.
    """

    def done(threads: int) -> float:
        lacking = min(1.0, max(0.0, threads + others - cores))
        return threads * (1.0 - lacking)

    return max(range(1, wanted + 1), key=lambda threads: (done(threads), -threads))


class CoreShare:
    """Follows what other programs leave; for one engine, on one thread."""

    def __init__(self, wanted: int, read: Callable[[], CoreTimes]) -> None:
        """``wanted`` threads are used while nothing else runs."""
        self._wanted = wanted
        self._read = read
        self._last = read()
        self._threads = wanted

    def begin(self) -> None:
        """An answer begins: what was used before it, by the start of the window or a person typing, does not count."""
        self._last = self._read()

    def threads(self) -> int:
        """How many to use now. Looks at the system at most twice a second."""
        if time.monotonic() - self._last.clock >= _INTERVAL:
            now, last = self._read(), self._last
            passed = now.clock - last.clock
            others = max(0.0, (now.busy - last.busy) - (now.own - last.own)) / passed
            self._last = now
            self._threads = worthwhile_threads(self._wanted, others, now.cores)
        return self._threads
