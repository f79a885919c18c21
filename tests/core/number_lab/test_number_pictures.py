"""What is drawn of numbers."""

from __future__ import annotations

import pytest

from desktop.core.number_lab import Scheme, quantized
from desktop.core.number_lab.pictures import error_map, histogram


def test_all_values_are_counted_and_the_ends_hold_what_lies_beyond() -> None:
    assert histogram([-2.0, -1.0, -0.1, 0.1, 1.0, 9.0], -1.0, 1.0, 4) == (2, 1, 1, 2)
    assert histogram([0.0, 0.0], 0.0, 0.0, 3) == (0, 2, 0)


def test_a_cell_is_the_root_mean_square_of_its_errors() -> None:
    values, back = [0.0] * 8, [3.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    assert error_map(values, back, 4, (8, 8)) == ((3.0, 4.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))
    cells = error_map(values, back, 4, (1, 2))
    assert cells[0] == pytest.approx(((9 + 16) ** 0.5 / 2, 0.5))


def test_bytes_follow_from_bits() -> None:
    assert quantized([1.0] * 8, Scheme()).size_bytes == 10  # eight bytes, and a scale of two
