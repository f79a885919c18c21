"""A model's answer as it may be shown and copied.

A right-to-left override can make an address or a line of code read differently from what it is (CVE-2021-42574), and
control characters have no business in a chat.
"""

from __future__ import annotations

from desktop.core.text.visible import (
    BIDI,
    CONTROLS,
    EMBEDDED_OBJECT,
    PICTURES,
    REPLACEMENT,
    SEPARATORS,
    SURROGATES,
    SUSPECT,
)

_TABLE: dict[int, str] = PICTURES | CONTROLS | dict.fromkeys((EMBEDDED_OBJECT, *SURROGATES), REPLACEMENT)
_TABLE |= {code: f"[U+{code:04X}]" for code in BIDI} | dict.fromkeys(SEPARATORS, "\n")


def chat_text(text: str) -> str:
    """The text with control characters and bidirectional overrides shown as text; every line ends with ``\\n``."""
    if SUSPECT.search(text) is None:
        return text
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_TABLE)


class ChatTextStream:
    """``chat_text`` for text that arrives in pieces: a line end may be split between two of them."""

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
        return chat_text(piece)
