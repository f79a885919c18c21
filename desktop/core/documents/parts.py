"""A long document in parts that a window shows at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from desktop.core.documents.text import DocumentText

MOST_CHARACTERS = 60_000  # of a part: 10 ms to lay out


def part_starts(document: DocumentText, most: int = MOST_CHARACTERS) -> tuple[int, ...]:
    """Offsets at which parts begin: at pages where there are any, else at lines, else where it must be."""
    return tuple(_starts(document, most))


def part_of(starts: tuple[int, ...], offset: int) -> int:
    """The number of the part, from 0, in which a character is."""
    return max(0, bisect_right(starts, offset) - 1)


def _starts(document: DocumentText, most: int) -> Iterator[int]:
    text, pages = document.text, document.page_starts
    at = 0
    while True:
        yield at
        if len(text) - at <= most:
            return
        page = pages[bisect_right(pages, at + most) - 1] if pages else 0
        line = text.rfind("\n", at, at + most) + 1
        at = page if page > at else line if line > at else at + most
