"""The frozen program beside the checkout: start, and memory of the idle window."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import psutil
from bench_window import Window, home, screen
from measure import Figure, median_ratio

BUNDLE = Path(__file__).resolve().parents[2] / "build" / "bundle" / "heft" / "heft"
SETTLE_SECONDS = 5.0  # housekeeping after the first paint


def figures(quick: bool) -> list[Figure]:
    """Start and memory, alternating; nothing, and a word, where packaging/build.sh has not been run."""
    if not BUNDLE.is_file():
        print("The frozen program is not measured: there is none. Make it with: bash packaging/build.sh")
        return []
    commands = ([str(BUNDLE)], [sys.executable, "-m", "desktop"])
    starts: list[tuple[float, float]] = []
    with screen() as display, home(load_at_start=False) as paths:
        for round_number in range((3 if quick else 9) + 1):
            pair = []
            for command in commands:
                window = Window(command, display, paths.data)
                window.close()
                pair.append(window.seconds_to_paint)
            if round_number:  # the first reads everything from the disk
                starts.append((pair[0], pair[1]))
        memory = []
        for command in commands:
            window = Window(command, display, paths.data)
            time.sleep(SETTLE_SECONDS)
            memory.append(psutil.Process(window.process.pid).memory_info().rss / 1e6)
            window.close()
    frozen, checkout = (statistics.median(column) for column in zip(*starts, strict=True))
    ratio = median_ratio(starts)
    return [
        Figure(
            "start to first paint, frozen ÷ checkout",
            f"{frozen:.3f} s ÷ {checkout:.3f} s",
            ratio,
            "at most 1.2",
            ratio <= 1.2,
        ),
        Figure(
            "resident memory of the idle window, frozen, MB",
            f"{memory[0]:.0f} MB, checkout {memory[1]:.0f} MB",
            memory[0],
            "below 130",
            memory[0] < 130,
        ),
    ]
