"""What every bench shares: a figure with its target, medians of ratios, and the table they are printed in."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured figure: what, the two sides, the value that is held against ``target``."""

    what: str
    sides: str
    value: float
    target: str
    reached: bool


class Figures(list[Figure]):
    """Figures with a table of what they were summed from, in Markdown."""

    def __init__(self, figures: Sequence[Figure], details: str) -> None:
        super().__init__(figures)
        self.details = details


def median_ratio(pairs: Sequence[tuple[float, float]]) -> float:
    """Median of the rounds' own ratios: a slow round hits both of its sides."""
    return statistics.median(ours / theirs for ours, theirs in pairs)


def markdown(figures: Sequence[Figure]) -> str:
    """A table for the terminal and for the README."""
    rows = [("what", "measured", "value", "target", "")]
    rows += [(f.what, f.sides, f"{f.value:.3g}", f.target, "reached" if f.reached else "MISSED") for f in figures]
    return table(rows)


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows as Markdown, the first as its head."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.ljust(widths[i]) for i, cell in enumerate(row)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
