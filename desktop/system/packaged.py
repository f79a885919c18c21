"""What comes with Heft: the files of the package ``resources``, in a checkout, a wheel or a frozen program."""

from __future__ import annotations

from pathlib import Path

import resources

FOLDER = Path(resources.__file__).parent


def read_text(*names: str) -> str:
    """A file of ``resources`` by the names that lead to it; FileNotFoundError when the installation is incomplete."""
    return FOLDER.joinpath(*names).read_text(encoding="utf-8")


def read_table(name: str) -> list[dict[str, str]]:
    """Rows of one CSV file of ``resources/data``; FileNotFoundError when the installation is incomplete."""
    import csv  # the window's start reads no table

    return list(csv.DictReader(read_text("data", f"{name}.csv").splitlines()))
