"""Numbers you can touch: what a format and a scheme make of given numbers, and what is lost."""

from desktop.core.number_lab.grids import Grid, grid_named, nearest
from desktop.core.number_lab.schemes import Group, Grouping, Method, Outcome, Scheme, quantized

__all__ = ["Grid", "Group", "Grouping", "Method", "Outcome", "Scheme", "grid_named", "nearest", "quantized"]
