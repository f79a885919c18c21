"""Characters that act on the reader's screen instead of being read, and what stands in their place."""

from __future__ import annotations

import re

REPLACEMENT = "\ufffd"
KEPT = "\t\n"
BIDI = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))  # they make a text read differently from what it is
SEPARATORS = (0x2028, 0x2029)  # line ends that are no line feed
EMBEDDED_OBJECT = 0xFFFC  # Qt lays it out as a picture of some size
SPACE_SIGNS = {"\n": "⏎", "\t": "⇥", "\r": "␍"}  # where line ends and tabs have to be seen
SURROGATES = range(0xD800, 0xE000)  # half a character, or a byte of a file name that is no Unicode (PEP 383)

# U+2400 and on are pictures of the control characters.
PICTURES: dict[int, str] = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in KEPT}
PICTURES[0x7F] = "\u2421"
CONTROLS = dict.fromkeys(range(0x80, 0xA0), REPLACEMENT)

_ONE_FOR_ONE: dict[int, str] = PICTURES | CONTROLS | dict.fromkeys(SEPARATORS, "\u2424")
_ONE_FOR_ONE |= dict.fromkeys((*BIDI, EMBEDDED_OBJECT, *SURROGATES), REPLACEMENT)
SUSPECT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufffc\ud800-\udfff]")


def visible_in_place(text: str) -> str:
    """The text with a picture or U+FFFD for each control character, override of direction and half a character.

    One for one: positions in the text stay true. Tabs and line feeds stay.
    """
    return text.translate(_ONE_FOR_ONE) if SUSPECT.search(text) else text


def encodable(text: str) -> str:
    """The text with U+FFFD for each lone surrogate; two that belong together become their character."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
