"""Numbers you can touch: what a format and a scheme make of given numbers, and what is lost."""

from desktop.core.number_lab.grids import Grid, grid_named, nearest
from desktop.core.number_lab.schemes import (
    Group,
    Grouping,
    Method,
    Outcome,
    Scheme,
    magnitude_at,
    outcome_of,
    quantized,
)

__all__ = [
    "Grid", "Group", "Grouping", "Method", "Outcome", "Scheme", "grid_named", "magnitude_at", "nearest", "outcome_of",
    "quantized",
]  # fmt: skip
