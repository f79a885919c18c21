"""Counts of votes: the exact sign test and Wilson's interval, held against published figures."""

from __future__ import annotations

import pytest

from desktop.core.vote_tally import Tally


@pytest.mark.parametrize(
    ("first", "second", "chance"),
    [
        (0, 0, 1.0), (1, 1, 1.0), (5, 0, 0.0625), (9, 1, 0.021484375), (8, 2, 0.109375), (2, 8, 0.109375),
        (15, 5, 0.04138946533203125),
    ],
)  # fmt: skip
def test_how_likely_chance_makes_such_a_count(first: int, second: int, chance: float) -> None:
    """The binomial table of any textbook: n = 10, 9 or more of one: 2 x 11/1024."""
    assert Tally(first, second).chance == pytest.approx(chance)


def test_votes_without_a_preference_prove_nothing() -> None:
    assert Tally(9, 1, neither=40).chance == Tally(9, 1).chance
    assert Tally(0, 0, neither=7).interval == (0.0, 1.0)


def test_the_interval_is_wilsons() -> None:
    """R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3: 81 of 263 and 15 of 148, and 0 of 20."""
    assert Tally(81, 182).interval == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert Tally(15, 133).interval == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert Tally(0, 20).interval == pytest.approx((0.0, 0.1611), abs=5e-5)
