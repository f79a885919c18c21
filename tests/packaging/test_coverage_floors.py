"""What counts as a fallen floor."""

from __future__ import annotations

from typing import Any

from coverage_floors import fallen, floors_of


def _file(covered: int, of: int, branches: tuple[int, int] = (0, 0)) -> dict[str, Any]:
    numbers = ("covered_lines", covered), ("num_statements", of), ("covered_branches", branches[0])
    return {"summary": {**dict(numbers), "num_branches": branches[1]}}


def test_lines_and_branches_of_a_floor_count_together() -> None:
    files = {
        "desktop/core/a.py": _file(8, 10, (1, 10)),
        "desktop/core/deep/b.py": _file(10, 10),
        "desktop\\hub\\c.py": _file(5, 10),
        "desktop/app.py": _file(0, 100),
    }
    assert floors_of({"files": files}) == {"core": 100 * 19 / 30, "hub": 50.0}


def test_a_floor_that_fell_is_named_and_one_that_rose_is_not() -> None:
    (told,) = fallen({"core": 90.0, "hub": 79.0, "ui": 50.0}, {"core": 85.0, "hub": 80.0, "ui": 50.2})
    assert told == "hub: 79.0% of lines and branches are covered, at least 80.0% were"
    assert fallen({}, {"core": 10.0})
