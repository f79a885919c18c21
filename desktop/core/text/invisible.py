"""Characters a person does not see and a model reads: they can hide instructions or turn the order of a text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

# Zero width, bidirectional controls, invisible operators, tag characters and variation selectors' supplement.
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufeff\U000e0000-\U000e007f\U000e0100-\U000e01ef]"
)


def invisible_names(characters: Sequence[str]) -> str:
    """The names of the first few different characters: ``U+200B ZERO WIDTH SPACE``."""
    different = sorted(set(characters))
    names = [f"U+{ord(c):04X} {unicodedata.name(c, '')}".strip() for c in different[:3]]
    return ", ".join(names) + (f" and {len(different) - 3} more" if len(different) > 3 else "")
