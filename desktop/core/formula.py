"""A formula as lines and curves, to be painted in any colour at any size."""

from __future__ import annotations

import msgspec


class Outline(msgspec.Struct, frozen=True):
    """What is to be filled, by the non-zero rule. All lengths are in em, the size of the text around it.

    ``commands`` are those of SVG's paths: M and L take one point of ``numbers``, Q two, C three, Z none. The origin is
    on the baseline at the left edge, y grows downwards.
    """

    width: float
    ascent: float
    descent: float
    commands: str
    numbers: tuple[float, ...]
