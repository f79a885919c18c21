"""What is drawn of numbers: how often each value is, and where the errors lie."""

from __future__ import annotations

import math
from collections.abc import Sequence


def histogram(values: Sequence[float], low: float, high: float, bins: int) -> tuple[int, ...]:
    """Counts in ``bins`` equal widths from ``low`` to ``high``; what lies beyond is in the outermost ones."""
    counts = [0] * bins
    width = (high - low) / bins
    for value in values:
        at = int((value - low) / width) if width > 0 else bins // 2
        counts[min(bins - 1, max(0, at))] += 1
    return tuple(counts)


def error_map(
    values: Sequence[float], back: Sequence[float], columns: int, most: tuple[int, int]
) -> tuple[tuple[float, ...], ...]:
    """Root mean square errors of at most ``most`` rows and columns of cells, each of neighbouring values of a matrix
    with rows of ``columns``."""
    rows = len(values) // columns
    high, wide = min(rows, most[0]), min(columns, most[1])
    sums = [[0.0] * wide for _ in range(high)]
    counts = [[0] * wide for _ in range(high)]
    for at, (old, new) in enumerate(zip(values, back, strict=True)):
        row, column = at // columns * high // rows, at % columns * wide // columns
        sums[row][column] += (new - old) ** 2
        counts[row][column] += 1
    return tuple(
        tuple(math.sqrt(total / count) for total, count in zip(line, number, strict=True))
        for line, number in zip(sums, counts, strict=True)
    )
