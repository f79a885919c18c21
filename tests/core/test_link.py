"""The way to another computer's device: what it adds to a token, and that a prediction counts it in."""

from __future__ import annotations

import pytest

from desktop.core.link import Link
from desktop.core.speed import DeviceSpeed, DeviceWork, TokenWork, TypeWork, predict_decode, predict_prompt
from desktop.core.speed.device import SpeedSample, TypeSpeed

GIGABIT = 125e6
SPEED = DeviceSpeed("table", {"Q4_K": TypeSpeed((SpeedSample(0.0, 1e-11),), 1e-12, 0.1)}, {})


def part(link: Link | None, *, vocabulary: int = 0) -> DeviceWork:
    work = TokenWork("far", {"Q4_K": TypeWork(1e9, 2e9)}, 10**9, 32, vocabulary=vocabulary, embedding=4096)
    return DeviceWork(work, DeviceSpeed(SPEED.method, SPEED.types, SPEED.attention, link=link))


def test_a_token_waits_for_one_round_trip_and_its_activations_both_ways() -> None:
    link = Link(0.001, GIGABIT, GIGABIT)
    assert link.token_seconds(4096, 0) == pytest.approx(0.001 + 2 * 4096 * 4 / GIGABIT)


def test_the_logits_come_back_from_where_the_output_is() -> None:
    link = Link(0.001, GIGABIT, GIGABIT)
    assert link.token_seconds(4096, 128_256) == pytest.approx(0.001 + (4096 + 128_256) * 4 / GIGABIT)


def test_of_a_batch_only_the_last_token_s_logits_come_back() -> None:
    slow = Link(1e-6, 1000.0, 1000.0)
    assert slow.token_seconds(100, 500, tokens=10) == pytest.approx((10 * 100 + 500) * 4 / 1000, rel=1e-3)


def test_writing_over_a_link_is_slower_by_what_the_link_adds() -> None:
    link = Link(0.010, GIGABIT, GIGABIT)
    near, far = (predict_decode([part(each)], 0) for each in (None, link))
    assert 1 / far.expected - 1 / near.expected == pytest.approx(link.token_seconds(4096, 0))
    assert far.low < far.expected < far.high


def test_a_prompt_shares_the_way_among_the_tokens_of_a_batch() -> None:
    link = Link(0.010, GIGABIT, GIGABIT)
    near, far = (predict_prompt([part(each)], 512) for each in (None, link))
    added = 1 / far.expected - 1 / near.expected
    assert added == pytest.approx(link.token_seconds(4096, 0, tokens=512) / 512)
    assert added < link.round_trip_seconds / 10
