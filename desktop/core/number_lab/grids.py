"""The values that a format has, and the nearest of them to a number.

Floating-point and integer formats follow from their bits (``core.number_formats``), ties go to the even code, and what
is larger than the largest value becomes it. NF4 is the table of QLoRA (Dettmers et al. 2023, appendix E; the same in
bitsandbytes, ``create_normal_map``): quantiles of the normal distribution between -1 and 1.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass

from desktop.core.number_formats import NumberFormat

NF4 = (
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
)  # fmt: skip


@dataclass(frozen=True)
class Grid:
    """What one element can be, before any scale: by the bits of ``number``, or one of the ``values`` in order."""

    name: str
    bits: int
    number: NumberFormat | None = None
    values: tuple[float, ...] = ()

    @property
    def largest(self) -> float:
        """The largest value."""
        return self.values[-1] if self.number is None else self.number.max_value

    @property
    def smallest(self) -> float:
        """The most negative value."""
        return self.values[0] if self.number is None else self.number.min_value

    @property
    def is_integer(self) -> bool:
        """Whether its values are whole numbers one apart, so that a zero point can be one of them."""
        return self.number is not None and self.number.is_integer


_FLOATS = {
    "FP32": (8, 23, "ieee"), "TF32": (8, 10, "ieee"), "FP16": (5, 10, "ieee"), "BF16": (8, 7, "ieee"),
    "FP8 E4M3": (4, 3, "nan"), "FP8 E5M2": (5, 2, "ieee"), "FP4 E2M1": (2, 1, "none"),
}  # fmt: skip
_INTEGERS = {"INT8": 7, "INT4": 3}
NAMES = (*_FLOATS, *_INTEGERS, "NF4")


def grid_named(name: str) -> Grid:
    """A format by its name. KeyError for another one."""
    if name == "NF4":
        return Grid(name, 4, values=NF4)
    if name in _INTEGERS:
        return Grid(name, _INTEGERS[name] + 1, NumberFormat(name, name, 1, 0, _INTEGERS[name]))
    exponent, mantissa, specials = _FLOATS[name]
    number = NumberFormat(name, name, 1, exponent, mantissa, specials)  # type: ignore[arg-type]
    return Grid(name, number.bits, number)


def nearest(grid: Grid, value: float) -> float:
    """The value of the grid that is nearest; NaN stays NaN."""
    if math.isnan(value):
        return value
    held = min(max(value, grid.smallest), grid.largest)
    if grid.number is None:
        return _of_table(grid.values, held)
    if grid.is_integer:
        return float(round(held))
    number = grid.number
    if held == 0:
        return held
    exponent = max(math.frexp(held)[1] - 1, 1 - number.bias)  # of a number that is smaller: the least step
    step = math.ldexp(1.0, exponent - number.mantissa_bits)
    found = round(held / step) * step  # to even, as Python and IEEE 754 round
    return min(max(found, grid.smallest), grid.largest)


def _of_table(values: tuple[float, ...], value: float) -> float:
    at = bisect_left(values, value)
    if at == 0:
        return values[0]
    if at == len(values):
        return values[-1]
    low, high = values[at - 1], values[at]
    return low if value - low <= high - value else high
