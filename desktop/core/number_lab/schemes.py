"""Schemes: how numbers are scaled so that a format holds them, group by group, and what is lost.

Sources: absmax and zero-point as in LLM.int8() (Dettmers et al. 2022, section 2.1) and M. Labonne, "Introduction to
Weight Quantization" (2023); outliers apart as in LLM.int8(), section 3.2; MXFP4 by OCP Microscaling Formats 1.0
(section 6.3, blocks of 32 with a power of two); NVFP4 by NVIDIA's description of it (blocks of 16 with an E4M3 scale,
and one FP32 scale for the whole tensor). The tests hold them against those sources' worked examples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from desktop.core.number_lab.grids import Grid, grid_named, nearest

Method = Literal["cast", "absmax", "zero-point", "mxfp4", "nvfp4"]
Grouping = Literal["tensor", "row", "block"]
OUTLIER = 6.0  # LLM.int8()'s threshold: a column with a value beyond it is kept apart
_SCALE_BITS = {"cast": 0, "absmax": 16, "zero-point": 16, "mxfp4": 8, "nvfp4": 8}
_ZERO_POINT_BITS = 8
_OUTLIER_BITS = 16  # a column apart stays in FP16
_MX_BLOCK, _NV_BLOCK = 32, 16


@dataclass(frozen=True)
class Scheme:
    """``format`` is a name of :data:`desktop.core.number_lab.grids.NAMES`. Magnitudes beyond ``percentile`` (0 to 100)
    are clipped; ``outliers`` is the magnitude from which a whole column is kept apart, 0 for none.

    "cast" takes the nearest value without a scale. "mxfp4" and "nvfp4" have their own format and block.
    """

    format: str = "INT8"
    method: Method = "absmax"
    grouping: Grouping = "tensor"
    block: int = 32
    percentile: float = 100.0
    outliers: float = 0.0

    @property
    def grid(self) -> Grid:
        """What an element can be."""
        return grid_named("FP4 E2M1" if self.method in ("mxfp4", "nvfp4") else self.format)

    @property
    def group_size(self) -> int:
        """Elements that share a scale; 0: all of a row or of the tensor."""
        if self.method == "mxfp4":
            return _MX_BLOCK
        if self.method == "nvfp4":
            return _NV_BLOCK
        return self.block if self.grouping == "block" else 0

    def checked(self) -> Scheme:
        """ValueError for what cannot be."""
        if not 0 < self.percentile <= 100 or self.block < 1 or self.outliers < 0:
            raise ValueError("a percentile is above 0 and at most 100, a block has one element at least")
        if self.method == "zero-point" and not self.grid.is_integer:
            raise ValueError("a zero point needs a format of whole numbers")
        return self


@dataclass(frozen=True)
class Group:
    """Elements that share a scale: ``codes`` as stored (for floating-point formats, the values before the scale);
    a number is about ``code / scale``, with a ``zero_point`` ``(code - zero_point) / scale``."""

    scale: float
    zero_point: int
    codes: tuple[float, ...]


@dataclass(frozen=True)
class Outcome:
    """``values`` are what comes back, in the order of what went in. Errors are of the values, in their unit.

    ``bits_per_weight`` counts scales, zero points and what is kept apart; ``scale_bits`` of them are scales and zero
    points. ``clipped`` and ``apart`` are numbers of
    values. ``signal_to_noise`` is in decibels, infinite where nothing is lost.
    """

    values: tuple[float, ...]
    groups: tuple[Group, ...]
    mean_squared_error: float
    largest_error: float
    bits_per_weight: float
    clipped: int
    apart: int
    signal_to_noise: float
    scale_bits: float = 0.0

    @property
    def bits_of_many(self) -> float:
        """Bits of each of very many weights: one scale for all of them is nothing then."""
        return self.bits_per_weight - (self.scale_bits if len(self.groups) == 1 else 0.0)

    @property
    def size_bytes(self) -> int:
        """What all of it takes, in whole bytes."""
        return math.ceil(self.bits_per_weight * len(self.values) / 8)


def quantized(values: Sequence[float], scheme: Scheme, columns: int = 0) -> Outcome:
    """What ``scheme`` makes of ``values``, rows of ``columns`` one after the other (0: one row).

    Raises ValueError without values, for values that are no numbers, and where the last row is not whole.
    """
    scheme = scheme.checked()
    width = columns or len(values)
    if not values or len(values) % width or not all(map(math.isfinite, values)):
        raise ValueError("whole rows of finite numbers are needed")
    apart = _outlier_columns(values, width, scheme.outliers)
    back, groups, clipped = list(values), [], 0
    whole = max((abs(value) for at, value in enumerate(values) if at % width not in apart), default=0.0)
    for places in _groups(len(values), width, scheme, apart):
        own = [values[place] for place in places]
        group, found, lost = _one_group(own, scheme, whole)
        groups.append(group)
        clipped += lost
        for place, value in zip(places, found, strict=True):
            back[place] = value
    for place in range(len(values)):
        if place % width in apart:
            back[place] = nearest(grid_named("FP16"), values[place])
    kept = len(apart) * (len(values) // width)
    scales = _scale_bits(scheme, len(groups)) / len(values)
    bits = (scheme.grid.bits * (len(values) - kept) + _OUTLIER_BITS * kept) / len(values) + scales
    return outcome_of(values, back, bits, tuple(groups), clipped=clipped, apart=kept, scale_bits=scales)


def outcome_of(
    values: Sequence[float],
    back: Sequence[float],
    bits_per_weight: float,
    groups: tuple[Group, ...] = (),
    *,
    clipped: int = 0,
    apart: int = 0,
    scale_bits: float = 0.0,
) -> Outcome:
    """What is lost where ``back`` comes back of ``values``, however it was stored."""
    errors = [new - old for new, old in zip(back, values, strict=True)]
    squared = math.fsum(error * error for error in errors) / len(values)
    power = math.fsum(value * value for value in values) / len(values)
    noise = 10 * math.log10(power / squared) if squared > 0 and power > 0 else math.inf
    return Outcome(
        tuple(back), groups, squared, max(map(abs, errors)), bits_per_weight, clipped, apart, noise, scale_bits
    )


def weight_bytes(parameters: float, bits_per_weight: float) -> float:
    """What so many weights take."""
    return parameters * bits_per_weight / 8


def _outlier_columns(values: Sequence[float], width: int, threshold: float) -> frozenset[int]:
    if not threshold:
        return frozenset()
    return frozenset(at % width for at, value in enumerate(values) if abs(value) >= threshold)


def _groups(count: int, width: int, scheme: Scheme, apart: frozenset[int]) -> Iterator[list[int]]:
    """The places of the values that share a scale; blocks do not cross rows."""
    size = scheme.group_size
    if not size and scheme.grouping == "tensor":
        if places := [at for at in range(count) if at % width not in apart]:
            yield places
        return
    for start in range(0, count, width):
        row = [at for at in range(start, start + width) if at - start not in apart]
        for first in range(0, len(row), size or width):
            yield row[first : first + (size or width)]


def _one_group(values: Sequence[float], scheme: Scheme, whole: float) -> tuple[Group, list[float], int]:
    """The group, what comes back of its values, and how many were clipped. ``whole`` is the tensor's largest."""
    grid = scheme.grid
    limit = magnitude_at([abs(value) for value in values], scheme.percentile)
    held = [min(max(value, -limit), limit) for value in values] if scheme.percentile < 100 else list(values)
    clipped = sum(new != old for new, old in zip(held, values, strict=True))
    scale, zero = _scale(held, scheme, grid, whole)
    codes = tuple(nearest(grid, value * scale + zero) for value in held)
    back = [(code - zero) / scale if scale else 0.0 for code in codes]
    return Group(scale, zero, codes), back, clipped


def _scale(values: Sequence[float], scheme: Scheme, grid: Grid, whole: float) -> tuple[float, int]:
    largest = max(map(abs, values))
    if scheme.method == "cast":
        return 1.0, 0
    if scheme.method == "zero-point":
        low, high = min(values), max(values)
        steps = grid.largest - grid.smallest
        scale = steps / (high - low) if high > low else 1.0
        return scale, int(-round(scale * low) + grid.smallest)
    if largest == 0:
        return 1.0, 0
    if scheme.method == "mxfp4":
        # the largest exponent of the values less that of the format's largest (4 = 2^2)
        return math.ldexp(1.0, 2 - (math.frexp(largest)[1] - 1)), 0
    if scheme.method == "nvfp4":
        e4m3 = grid_named("FP8 E4M3")
        of_tensor = whole / (e4m3.largest * grid.largest)
        own = nearest(e4m3, largest / grid.largest / of_tensor)
        return (1.0 / (own * of_tensor) if own else 1.0 / of_tensor), 0
    return grid.largest / largest, 0


def magnitude_at(magnitudes: Sequence[float], percentile: float) -> float:
    """The magnitude below which ``percentile`` (0 to 100) of them lie, between two neighbours in proportion."""
    ordered = sorted(magnitudes)
    at = percentile / 100 * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])


def _scale_bits(scheme: Scheme, groups: int) -> int:
    scales = groups * (_SCALE_BITS[scheme.method] + (_ZERO_POINT_BITS if scheme.method == "zero-point" else 0))
    return scales + (32 if scheme.method == "nvfp4" else 0)
