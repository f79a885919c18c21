"""The frozen program beside the checkout: start, and memory of the idle window."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import psutil
from bench_window import Window, home, screen
from measure import Figure, median_ratio

from desktop.store.paths import Paths

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
        memory = [[_idle_megabytes(command, display, paths) for command in commands] for _ in range(1 if quick else 5)]
    frozen, checkout = (statistics.median(column) for column in zip(*starts, strict=True))
    frozen_megabytes, checkout_megabytes = (statistics.median(column) for column in zip(*memory, strict=True))
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
            f"{frozen_megabytes:.0f} MB, checkout {checkout_megabytes:.0f} MB",
            frozen_megabytes,
            "below 130",
            frozen_megabytes < 130,
        ),
    ]


def _idle_megabytes(command: list[str], display: str, paths: Paths) -> float:
    """Resident memory of a window that nobody uses."""
    window = Window(command, display, paths.data)
    time.sleep(SETTLE_SECONDS)
    megabytes: float = psutil.Process(window.process.pid).memory_info().rss / 1e6
    window.close()
    return megabytes
