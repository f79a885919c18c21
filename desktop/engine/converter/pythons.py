"""A Python that an environment can be made with: Heft's own where it has one, else the system's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.core.words import tr

OLDEST, NEWEST = (3, 10), (3, 13)  # numpy 2.2, which the converter asks for, has wheels for these
_NAMES = ("python3", *(f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)), "python", "py")
_ASK = "import ensurepip, sys, venv; print('%d %d' % sys.version_info[:2])"
_SECONDS = 20.0
_HINTS = {
    "linux": "Install Python 3.10 to 3.13 (on Debian and Ubuntu: apt install python3 python3-venv), then try again.",
    "darwin": "Install Python 3.10 to 3.13 (brew install python@3.13), then try again.",
}
_HINT = "Install Python 3.10 to 3.13, then try again."


def find_python(frozen: bool | None = None, which: Callable[[str], str | None] = shutil.which) -> Path:
    """The first that is new enough and can make environments. Raises EngineError ("no-python") where there is none.

    A packaged Heft (``frozen``) has no Python of its own for that.
    """
    packaged = getattr(sys, "frozen", False) if frozen is None else frozen
    own = [] if packaged else [sys.executable]
    seen = set[str]()
    for candidate in (*own, *(which(name) for name in _NAMES)):
        if candidate is None or candidate in seen:
            continue
        seen.add(candidate)
        if _fits(candidate):
            return Path(candidate)
    raise EngineError(
        tr("The converter needs a Python of its own, and there is none here that it can use."),
        _HINTS.get(sys.platform, _HINT),
        detail="\n".join(sorted(seen)),
        kind=FailureKind.NO_PYTHON,
    )


def environment_python(root: Path) -> Path:
    """The Python of an environment."""
    return root / "Scripts" / "python.exe" if os.name == "nt" else root / "bin" / "python"


def _fits(python: str) -> bool:
    try:
        found = subprocess.run(
            [python, "-I", "-c", _ASK], capture_output=True, text=True, check=False, timeout=_SECONDS,
            stdin=subprocess.DEVNULL, creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )  # fmt: skip
        major, minor = found.stdout.split() if found.returncode == 0 else ("0", "0")
        return OLDEST <= (int(major), int(minor)) <= NEWEST
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return False
