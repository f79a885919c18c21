"""Makes characters visible that would otherwise act on the reader's screen instead of being read.

Model output is untrusted: a right-to-left override can make an address or a line of code read differently from
what it is (CVE-2021-42574), and control characters have no business in a chat.
"""

from __future__ import annotations

import re

_KEPT = "\t\n"
_BIDI = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))

_TABLE: dict[int, str] = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in _KEPT}
_TABLE[0x7F] = "\u2421"  # the picture of DEL
_TABLE.update(dict.fromkeys(range(0x80, 0xA0), "\ufffd"))
_TABLE.update({code: f"[U+{code:04X}]" for code in _BIDI})
_TABLE.update({0x2028: "\n", 0x2029: "\n"})
_TABLE[0xFFFC] = "\ufffd"  # Qt lays U+FFFC out as an embedded object
_SUSPECT = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\u2028-\u202e\u2066-\u2069\ufffc\ud800-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a pair cannot be encoded, not even for the clipboard


def visible(text: str) -> str:
    """The text with control characters and bidirectional overrides shown as text; every line ends with ``\\n``."""
    if _SUSPECT.search(text) is None:
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _SURROGATE.sub("\ufffd", text.translate(_TABLE))


class Cleaner:
    """``visible`` for text that arrives in pieces: a line end may be split between two of them."""

    def __init__(self) -> None:
        self._after_return = False

    def feed(self, piece: str) -> str:
        """The cleaned piece; the pieces together are the cleaned whole."""
        if not piece:
            return ""
        if self._after_return and piece[0] == "\n":
            piece = piece[1:]
            self._after_return = False
        if piece:
            self._after_return = piece[-1] == "\r"
        return visible(piece)
