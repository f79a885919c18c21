"""How wide the columns of a table are."""

from __future__ import annotations

import re
from collections.abc import Sequence

from PySide6.QtGui import QFontMetricsF

_LEAST = 40.0
_MOST_LEAST = 220.0  # a longer word (an address, a hash) may be broken
_COMFORT = 170.0  # of a column of sentences, where the table is scrolled sideways anyway
_PLACES = 8  # of a text without spaces, which breaks anywhere: Chinese, Japanese
_NO_SPACES = re.compile(r"[\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef]")


def least_width(text: str, metrics: QFontMetricsF) -> float:
    """What a cell needs so that no word is broken, within bounds."""
    widest = _LEAST
    for word in sorted(text.split(), key=len, reverse=True)[:3]:
        part = word[:_PLACES] if _NO_SPACES.search(word) else word
        widest = max(widest, metrics.horizontalAdvance(part) + 2)
    return min(widest, _MOST_LEAST)


def column_widths(natural: Sequence[float], least: Sequence[float], available: float) -> list[float]:
    """Natural widths where they fit. Else narrow columns keep theirs and wide ones share the rest.

    None gets less than its least; where even those do not fit, the table is wider than what is available.
    """
    if sum(natural) <= available:
        return list(natural)
    if sum(min(pair) for pair in zip(natural, least, strict=True)) >= available:
        return [min(whole, max(low, _COMFORT)) for whole, low in zip(natural, least, strict=True)]
    low, high = 0.0, max(natural)
    for _ in range(40):  # the level up to which columns are filled
        level = (low + high) / 2
        filled = sum(min(whole, max(least_, level)) for whole, least_ in zip(natural, least, strict=True))
        low, high = (level, high) if filled <= available else (low, level)
    return [min(whole, max(least_, low)) for whole, least_ in zip(natural, least, strict=True)]
