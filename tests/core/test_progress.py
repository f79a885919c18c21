"""Progress and cancelling: fractions, parts of a whole, and one type for what a person stopped."""

from __future__ import annotations

import pytest

from desktop.core.cancelled import CancelledError, never, raise_if_cancelled
from desktop.core.errors import HeftError
from desktop.core.progress import Progress, share


@pytest.mark.parametrize(
    ("progress", "known", "fraction"),
    [
        (Progress(), False, 0.0),
        (Progress(3, unit="files"), False, 0.0),
        (Progress(3, 4, "files"), True, 0.75),
        (Progress(5, 4, "files"), True, 1.0),
        (Progress(-1, 4), True, 0.0),
        (Progress.of(0.3, "a"), True, 0.3),
    ],
)
def test_a_fraction_lies_between_nothing_and_all(progress: Progress, known: bool, fraction: float) -> None:
    assert progress.known == known and progress.fraction == pytest.approx(fraction)


def test_a_part_of_some_work_is_told_as_a_share_of_the_whole() -> None:
    heard: list[Progress] = []
    second_half = share(heard.append, 0.5, 0.5)
    second_half(Progress(0, 10, "bytes", "first"))
    share(second_half, 0.5, 0.5)(Progress(5, 10, "bytes", "last", speed=3.0, seconds_left=2.0))
    assert [(step.fraction, step.note) for step in heard] == [(0.5, "first"), (0.875, "last")]
    assert (heard[-1].unit, heard[-1].speed, heard[-1].seconds_left) == ("", None, None)


def test_what_was_stopped_has_a_type_of_its_own() -> None:
    raise_if_cancelled(never)
    with pytest.raises(CancelledError) as stopped:
        raise_if_cancelled(lambda: True)
    assert isinstance(stopped.value, HeftError) and stopped.value.kind == "cancelled"
