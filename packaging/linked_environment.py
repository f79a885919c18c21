"""Make a virtual environment that holds what this one holds, except some distributions; in a second or two.

    .venv/bin/python packaging/linked_environment.py TARGET --without PySide6_Essentials shiboken6

Nothing is downloaded or copied: each top-level package and its metadata is a symbolic link into the
environment that runs this script. Distributions installed from a checkout (editable) are always left out.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import sysconfig
import venv
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path


def normalized(name: str) -> str:
    """The name as the packaging standards compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def top_level_entries(distribution: Distribution) -> Iterator[str]:
    """Names directly in site-packages that belong to ``distribution``."""
    seen = {file.parts[0] for file in distribution.files or () if file.parts and file.parts[0] != ".."}
    yield from sorted(seen - {"__pycache__"})


def is_editable(distribution: Distribution) -> bool:
    """True when the distribution only points at a checkout."""
    return '"editable": true' in (distribution.read_text("direct_url.json") or "")


def make(target: Path, without: set[str]) -> Path:
    """Create (or recreate) the environment ``target`` and return its Python.

    ``without`` holds normalized distribution names; ValueError when one of them is not installed anyway.
    """
    source = Path(sysconfig.get_path("purelib"))
    installed = {normalized(found.metadata["Name"]): found for found in distributions(path=[str(source)])}
    if unknown := without - installed.keys():
        raise ValueError(f"not installed here: {', '.join(sorted(unknown))}")
    shutil.rmtree(target, ignore_errors=True)
    venv.create(target, symlinks=True, with_pip=False)
    folder = Path(sysconfig.get_path("purelib", vars={"base": str(target), "platbase": str(target)}))
    for name, distribution in installed.items():
        if name in without or is_editable(distribution):
            continue
        for entry in top_level_entries(distribution):
            link = folder / entry
            if not link.exists():
                link.symlink_to(source / entry)
    return target / "bin" / "python"


def main() -> int:
    """Make the environment and print its Python."""
    parser = argparse.ArgumentParser(description="Link this environment's packages into a new one.")
    parser.add_argument("target", type=Path)
    parser.add_argument("--without", nargs="*", default=[], metavar="DISTRIBUTION")
    args = parser.parse_args()
    print(make(args.target, {normalized(name) for name in args.without}), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
