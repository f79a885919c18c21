"""What is asked of the process that typesets formulas, and its answer."""

from __future__ import annotations

import msgspec

from desktop.core.formula import Outline


class FormulaRequest(msgspec.Struct, frozen=True):
    """LaTeX without its delimiters; ``display``: on a line of its own, so that sums are large."""

    latex: str
    display: bool


class Formula(msgspec.Struct, frozen=True):
    """The outline, None for what cannot be typeset."""

    outline: Outline | None
