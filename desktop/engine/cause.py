"""Why the engine refused or died, as a value; the words come from :mod:`desktop.engine.logmap`."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from desktop.core.failures import FailureKind


@dataclass(frozen=True)
class Cause:
    """A kind of :class:`desktop.core.errors.HeftError`, message and hint."""

    kind: FailureKind
    message: str
    hint: str


def renew() -> str:
    """What to do when a part of Heft itself is missing or damaged."""
    return "Install Heft again." if getattr(sys, "frozen", False) else "Set Heft up again."
