"""Text that every encoder takes."""

from __future__ import annotations


def readable(text: str) -> str:
    """The text with U+FFFD for each lone surrogate: half a character, or a byte of a file name that is no Unicode."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
