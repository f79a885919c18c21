"""Samples of tensors: whole rows or whole blocks, evenly spread, never more than asked for."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.core.quants import TENSOR_TYPES, TYPES_BY_NAME
from desktop.core.sampling_rows import plan, runs


def test_a_small_tensor_is_taken_whole() -> None:
    sample = plan((576, 192), TYPES_BY_NAME["Q4_1"], 16_000_000)
    assert (sample.part_weights, sample.parts, sample.taken) == (576, 192, 192)
    assert list(sample.indices()) == list(range(192))


def test_a_large_one_is_sampled_by_rows_from_end_to_end() -> None:
    sample = plan((4096, 32000), TYPES_BY_NAME["Q4_K"], 16_000_000)
    indices = list(sample.indices())
    assert sample.weights == 15_998_976 and sample.part_weights == 4096
    steps = {b - a for a, b in pairwise(indices)}
    assert steps <= {8, 9, 7} and indices[0] < 8 and indices[-1] >= 32000 - 8


@given(
    kind=st.sampled_from(sorted(TENSOR_TYPES)),
    blocks=st.integers(1, 3000),
    rows=st.integers(1, 3000),
    limit=st.integers(256, 1 << 20),
)
def test_parts_are_whole_blocks_within_the_limit(kind: int, blocks: int, rows: int, limit: int) -> None:
    stored = TENSOR_TYPES[kind]
    sample = plan((blocks * stored.block, rows), stored, limit)
    assert sample.part_weights % stored.block == 0
    assert sample.part_weights * sample.parts == blocks * stored.block * rows
    assert sample.weights <= limit
    indices = list(sample.indices())
    assert len(set(indices)) == sample.taken and indices == sorted(indices)
    assert indices[0] >= 0 and indices[-1] < sample.parts


@pytest.mark.parametrize("shape", [(), (1,)])
def test_a_single_number(shape: tuple[int, ...]) -> None:
    assert plan(shape, TYPES_BY_NAME["F32"], 10).weights == 1


def test_runs_of_a_large_tensor_lie_apart_and_within() -> None:
    small = runs((576, 192), TYPES_BY_NAME["Q4_1"], 8_000_000, 16)
    assert small.whole and small.runs == ((0, 192),) and small.bytes == TYPES_BY_NAME["Q4_1"].size(576 * 192)
    large = runs((4096, 128_256), TYPES_BY_NAME["Q6_K"], 8_000_000, 16)
    assert not large.whole and len(large.runs) == 16 and 7_900_000 < large.bytes <= 8_000_000
    assert large.runs[0][0] < 8_016 and large.runs[-1][0] + large.runs[-1][1] > 128_256 - 8_016


@given(
    kind=st.sampled_from(sorted(TENSOR_TYPES)),
    blocks=st.integers(1, 3000),
    rows=st.integers(1, 3000),
    most=st.integers(1000, 1 << 20),
    count=st.integers(1, 20),
)
def test_runs_never_overlap(kind: int, blocks: int, rows: int, most: int, count: int) -> None:
    stored = TENSOR_TYPES[kind]
    found = runs((blocks * stored.block, rows), stored, most, count)
    assert found.parts * found.part_bytes == stored.size(blocks * stored.block * rows)
    assert found.bytes <= most or found.taken == 1
    assert 1 <= len(found.runs) <= count
    ends = [0, *(first + length for first, length in found.runs)]
    assert all(end <= first for end, (first, _) in zip(ends, found.runs, strict=False)) and ends[-1] <= found.parts
