"""Formats and schemes beside published worked examples and other implementations of the same rounding."""

from __future__ import annotations

import math
import struct
from itertools import pairwise

import numpy as np
import pytest

from desktop.core.number_formats import formats_from_rows
from desktop.core.number_lab import Outcome, Scheme, grid_named, nearest, quantized
from desktop.core.number_lab.grids import NAMES, NF4
from desktop.core.number_lab.schemes import OUTLIER, weight_bytes
from desktop.system.packaged import read_table

EXAMPLE = [1.2, -0.5, -4.3, 1.2, -3.1, 0.8, 2.4, 5.4]  # of the blog post that introduced LLM.int8() (bitsandbytes)


def test_absmax_is_the_published_example() -> None:
    found = quantized(EXAMPLE, Scheme("INT8", "absmax"))
    assert found.groups[0].codes == (28, -12, -101, 28, -73, 19, 56, 127)
    assert found.groups[0].scale == pytest.approx(127 / 5.4)
    assert found.values[7] == pytest.approx(5.4) and found.values[0] == pytest.approx(28 / 127 * 5.4)


def test_zero_point_is_the_published_formula() -> None:
    found = quantized(EXAMPLE, Scheme("INT8", "zero-point"))
    scale = 255 / (5.4 - -4.3)
    zero = round(-scale * -4.3) - 128
    group = found.groups[0]
    assert group.scale == pytest.approx(scale) and group.zero_point == zero == -15
    assert group.codes == tuple(float(max(-128, min(127, round(value * scale + zero)))) for value in EXAMPLE)
    assert min(group.codes) == -128 and max(group.codes) == 127  # all of the range is used
    both = quantized([value + 3 for value in EXAMPLE], Scheme("INT8", "absmax")).mean_squared_error
    assert quantized([value + 3 for value in EXAMPLE], Scheme("INT8", "zero-point")).mean_squared_error < both


def test_a_model_of_70_billion() -> None:
    assert weight_bytes(70e9, 32) == 280e9 and weight_bytes(70e9, 4) == 35e9


@pytest.mark.parametrize(("name", "dtype"), [("FP32", "f4"), ("FP16", "f2")])
def test_ieee_formats_round_as_numpy_does(name: str, dtype: str) -> None:
    rng = np.random.default_rng(1)
    grid = grid_named(name)
    for value in [
        *rng.normal(0, 1, 500),
        *(rng.normal(0, 1, 500) * 10.0 ** rng.integers(-9, 4, 500)),
        0.0,
        6e-8,
        1e-45,
    ]:
        assert nearest(grid, float(value)) == float(np.array(value).astype(dtype)), value


def test_bf16_and_tf32_round_to_even() -> None:
    rng = np.random.default_rng(2)
    for name, low in (("BF16", 16), ("TF32", 13)):
        for value in rng.normal(0, 3, 500).astype(np.float32):
            (bits,) = struct.unpack("<I", struct.pack("<f", value))
            kept = (bits + (1 << low - 1) - 1 + (bits >> low & 1)) >> low << low
            assert nearest(grid_named(name), float(value)) == struct.unpack("<f", struct.pack("<I", kept))[0]


@pytest.mark.parametrize("name", [name for name in NAMES if grid_named(name).bits <= 8])
def test_small_formats_give_the_nearest_of_all_their_values(name: str) -> None:
    grid = grid_named(name)
    values = grid.values or tuple(
        sorted({number for code in range(1 << grid.bits) if math.isfinite(number := grid.number.decode(code))})
    )
    assert (grid.smallest, grid.largest) == (values[0], values[-1])
    for value in [*np.linspace(1.2 * values[0], 1.2 * values[-1], 1999), *(sum(pair) / 2 for pair in pairwise(values))]:
        found = nearest(grid, float(value))
        assert found in values
        assert abs(found - value) == min(abs(other - value) for other in values)


def test_the_formats_are_those_of_the_machine_page() -> None:
    known = {number.name: number for number in formats_from_rows(read_table("number_formats"))}
    for name in NAMES:
        number = grid_named(name).number
        if number is not None and name in known:
            assert (number.exponent_bits, number.mantissa_bits) == (
                known[name].exponent_bits,
                known[name].mantissa_bits,
            )


def test_largest_values_are_the_published_ones() -> None:
    largest = {"FP16": 65504.0, "FP8 E4M3": 448.0, "FP8 E5M2": 57344.0, "FP4 E2M1": 6.0, "INT8": 127.0, "INT4": 7.0}
    assert {name: grid_named(name).largest for name in largest} == largest
    assert nearest(grid_named("FP8 E4M3"), 1e9) == 448.0 and nearest(grid_named("INT8"), -999.0) == -128.0
    assert math.isnan(nearest(grid_named("FP16"), math.nan))


def test_nf4_is_symmetric_in_its_ends_and_has_a_zero() -> None:
    assert NF4[0] == -1.0 and NF4[-1] == 1.0 and 0.0 in NF4 and len(NF4) == 16 and list(NF4) == sorted(NF4)
    found = quantized([0.5, -2.0, 1.0, 0.1], Scheme("NF4", "absmax", "block", 64))
    assert found.groups[0].codes == (0.24611230194568634, -1.0, 0.44070982933044434, 0.07958029955625534)
    assert found.values[1] == -2.0


def test_mxfp4_is_the_worked_example_of_its_formula() -> None:
    """OCP MX 1.0, 6.3: X = 2^(floor(log2(max)) - 2); elements are the nearest of 0, .5, 1, 1.5, 2, 3, 4, 6."""
    found = quantized([5.4, 0.3, -1.1, 2.4], Scheme(method="mxfp4"))
    assert found.groups[0].scale == 1.0 and found.values == (6.0, 0.5, -1.0, 2.0)
    small = quantized([value / 1024 for value in (5.4, 0.3, -1.1, 2.4)], Scheme(method="mxfp4"))
    assert small.values == tuple(value / 1024 for value in found.values)
    assert quantized([1.0] * 64, Scheme(method="mxfp4"), 64).bits_per_weight == 4.25
    assert len(quantized([1.0] * 64, Scheme(method="mxfp4"), 64).groups) == 2


def test_nvfp4_has_finer_scales_than_mxfp4() -> None:
    rng = np.random.default_rng(4)
    values = [float(value) for value in rng.normal(0, 0.02, 1024)]
    nv, mx = (quantized(values, Scheme(method=method), 256) for method in ("nvfp4", "mxfp4"))
    assert nv.mean_squared_error < mx.mean_squared_error
    assert nv.bits_per_weight == pytest.approx(4.5 + 32 / 1024) and len(nv.groups) == 64
    largest = max(range(1024), key=lambda at: abs(values[at]))
    assert nv.values[largest] == pytest.approx(values[largest], rel=1e-6)  # the tensor's scale puts it on the grid


def test_smaller_groups_lose_less_and_cost_more() -> None:
    rng = np.random.default_rng(5)
    rows = rng.normal(0, 1, (8, 64)) * np.array([[0.01], [0.1], [1], [3], [0.01], [0.2], [1], [2]])
    values = [float(value) for value in rows.reshape(-1)]
    found = [quantized(values, Scheme("INT4", "absmax", kind, 16), 64) for kind in ("tensor", "row", "block")]
    assert found[0].mean_squared_error > found[1].mean_squared_error > found[2].mean_squared_error
    assert [one.bits_per_weight for one in found] == [4 + 16 / 512, 4.25, 5.0]
    assert [len(one.groups) for one in found] == [1, 8, 32]


def test_clipping_by_percentile_trades_the_largest_for_the_rest() -> None:
    values = [float(value) for value in np.random.default_rng(6).normal(0, 1, 999)] + [100.0]
    whole, cut = (quantized(values, Scheme("INT4", "absmax", percentile=p)) for p in (100.0, 99.5))
    assert whole.clipped == 0 and 1 <= cut.clipped <= 6

    def inner(found: Outcome) -> float:
        return sum((a - b) ** 2 for a, b in zip(found.values[:-1], values[:-1], strict=True))

    assert inner(cut) < inner(whole) / 10 and cut.largest_error > 90


def test_outliers_apart_are_whole_columns_in_fp16() -> None:
    """LLM.int8(): a feature with a value of 6 or more is computed in 16 bits, the others in 8."""
    rng = np.random.default_rng(7)
    rows = rng.normal(0, 0.5, (16, 32))
    rows[:, 5] *= 60
    values = [float(value) for value in rows.reshape(-1)]
    whole = quantized(values, Scheme("INT8", "absmax", "row"), 32)
    apart = quantized(values, Scheme("INT8", "absmax", "row", outliers=OUTLIER), 32)
    assert apart.apart == 16 and apart.mean_squared_error < whole.mean_squared_error / 100
    assert [apart.values[row * 32 + 5] for row in range(16)] == [float(np.float16(rows[row, 5])) for row in range(16)]
    assert apart.bits_per_weight == pytest.approx((8 * 31 + 16 + 16) / 32)


def test_a_cast_loses_what_its_format_does_not_hold() -> None:
    found = quantized([1.0, 0.1, 70000.0], Scheme("FP16", "cast"))
    assert found.values == (1.0, float(np.float16(0.1)), 65504.0) and found.bits_per_weight == 16
    assert quantized([1.0, 2.0], Scheme("FP32", "cast")).signal_to_noise == math.inf
    assert quantized([0.0, 0.0], Scheme("INT8", "absmax")).values == (0.0, 0.0)
    assert quantized([2.0, 2.0], Scheme("INT8", "zero-point")).mean_squared_error < 1


@pytest.mark.parametrize(
    "scheme",
    [
        Scheme("FP16", "zero-point"),
        Scheme(percentile=0),
        Scheme(percentile=101),
        Scheme(block=0),
        Scheme(outliers=-1.0),
    ],
)
def test_what_cannot_be_is_refused(scheme: Scheme) -> None:
    with pytest.raises(ValueError):
        quantized(EXAMPLE, scheme)


@pytest.mark.parametrize("values", [[], [math.nan], [1.0, 2.0, 3.0]])
def test_numbers_that_are_no_rows_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError):
        quantized(values, Scheme(), 2)
