"""Eight hours compressed: answer after answer in one window and one engine, and their memory stays where it was."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.program import lead

pytestmark = [pytest.mark.engine, pytest.mark.xvfb]
DRIVER = Path(__file__).with_name("endurance_window.py")
GROWTH = 0.05  # of the memory after the first part
FIRST_PART = 100  # answers


def _settled(sizes: list[int]) -> float:
    """A part's memory: the median of its second half, since a single look may meet a moment's garbage."""
    return statistics.median(sizes[len(sizes) // 2 :])


def test_memory_stays_where_it_was(
    display: str, heft_home: Path, small_model: Path, rounds: Callable[[int, int], int]
) -> None:
    count = rounds(60, 2000)
    part = min(FIRST_PART, count // 3)
    said = lead(DRIVER, str(small_model), str(count), display=display, folder=heft_home.parent, seconds=60 + count)
    looks = [json.loads(line) for line in said.splitlines()]
    assert len(looks) == count and all(length > 0 for _, _, length in looks)
    for place, name in enumerate(("window", "engine")):
        sizes = [look[place] for look in looks]
        first, last = _settled(sizes[:part]), _settled(sizes[-part:])
        told = f"{name}: {first / 1e6:.1f} MB after {part} answers, {last / 1e6:.1f} MB after {count}"
        sys.stdout.write(f"{told} ({last / first - 1:+.2%})\n")
        assert last < first * (1 + GROWTH), told
