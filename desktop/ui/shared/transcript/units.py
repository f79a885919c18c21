"""Qt counts text in UTF-16 units, Python in code points; positions in the transcript are UTF-16."""

from __future__ import annotations


def units(text: str) -> int:
    """Length of the text in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, start: int, end: int) -> str:
    """The text between two UTF-16 positions; half a character is left out."""
    if text.isascii():
        return text[start:end]
    return text.encode("utf-16-le", "surrogatepass")[2 * start : 2 * end].decode("utf-16-le", "ignore")
