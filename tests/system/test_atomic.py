"""A file is written whole or not at all, and nothing is left beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.system.atomic import write_atomically


def test_the_new_content_takes_the_place_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "made" / "kept.json"
    write_atomically(path, b"old and longer", prefix=".kept-")
    write_atomically(path, b"new", prefix=".kept-")
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_a_target_that_cannot_be_replaced_leaves_nothing_beside_it(tmp_path: Path) -> None:
    taken = tmp_path / "kept.json"
    taken.mkdir()  # no file takes the place of a folder
    with pytest.raises(OSError):
        write_atomically(taken, b"new", prefix=".kept-")
    assert list(tmp_path.iterdir()) == [taken]
