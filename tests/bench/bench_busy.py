"""An answer while other programs use the processor: Heft's engine beside the same engine with its threads fixed."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
from measure import Figure, median_ratio
from support.engine import GREEDY, driven_engine

from desktop.engine.api import Generate
from desktop.system.cores import physical_threads

TOKENS = 192
PROMPT = "Once upon a time, in a land far away, there lived"


@contextlib.contextmanager
def others(count: int) -> Iterator[None]:
    """So many programs that compute without end."""
    programs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


def beside(count: int, starter: Path, rounds: int, at_least: float) -> Figure:
    """Tokens per second beside ``count`` busy programs, both ways in turn, each in a process of its own."""
    fixed = physical_threads()
    pairs = []
    with tempfile.TemporaryDirectory() as folder, others(count):
        for _ in range(rounds):
            rates = []
            for options in ({}, {"threads": fixed}):
                with driven_engine(Path(folder)) as engine:
                    engine.load(starter, 2048, **options)
                    _, finished = engine.generate(Generate(1, prompt=PROMPT, sampling=GREEDY, max_tokens=TOKENS))
                    rates.append(finished.statistics.tokens_per_second)
            pairs.append((rates[0], rates[1]))
    ratio = median_ratio(pairs)
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Figure(
        f"tok/s beside {count} busy programs ÷ with {fixed} fixed threads",
        f"{ours:.0f} ÷ {theirs:.0f}",
        ratio,
        f"at least {at_least}",
        ratio >= at_least,
    )


def figures(starter: Path, quick: bool) -> list[Figure]:
    """All figures of this file: nothing else running, half the cores in use, all of them."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    cores = psutil.cpu_count() or 1
    rounds = 3 if quick else 5
    return [
        beside(0, starter, rounds, 0.97),
        beside(max(1, cores // 2), starter, rounds, 1.2),
        beside(cores, starter, rounds, 1.2),
    ]
