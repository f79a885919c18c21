"""Which way a text is read."""

from __future__ import annotations

from unicodedata import bidirectional

_LOOKED_AT = 300  # characters in which a letter is looked for


def is_right_to_left(text: str) -> bool:
    """Whether its first letter is one of Arabic, Hebrew or their like (Unicode Standard Annex 9, rules P2 and P3)."""
    if text.isascii():
        return False
    for character in text[:_LOOKED_AT]:
        kind = bidirectional(character)
        if kind in ("R", "AL"):
            return True
        if kind == "L":
            return False
    return False
