"""A document's text, of which each character knows its page and line."""

from __future__ import annotations

from bisect import bisect_right
from enum import StrEnum

import msgspec


class Paging(StrEnum):
    """What a document is divided into."""

    NONE = "none"
    PAGES = "pages"
    SECTIONS = "sections"  # the files of a book: its pages are those of whatever shows it


class DocumentNote(StrEnum):
    """What a person should know of how a document was read."""

    OTHER_TYPE = "other-type"  # its name says another type; detail: the one that it is
    LEGACY_ENCODING = "legacy-encoding"  # no Unicode; detail: what it was taken for
    DAMAGED_CHARACTERS = "damaged-characters"  # count of those that stand for nothing
    MACROS_IGNORED = "macros-ignored"
    EMPTY_PAGES = "empty-pages"  # count of pages without text, which are pictures


class Remark(msgspec.Struct, frozen=True):
    """One note, with what it is about."""

    note: DocumentNote
    detail: str = ""
    count: int = 0


class TextPlace(msgspec.Struct, frozen=True, order=True):
    """Where something stands. ``page`` counts from 1, 0 in a document without pages; ``line`` from 1 in its page."""

    page: int
    line: int


class DocumentText(msgspec.Struct, frozen=True):
    """All text of a document. ``format`` is what it was read as ("PDF"); ``page_starts`` are offsets into the text."""

    format: str
    text: str
    page_starts: tuple[int, ...] = ()
    paging: Paging = Paging.NONE
    remarks: tuple[Remark, ...] = ()

    def place(self, offset: int) -> TextPlace:
        """Page and line of a character."""
        page = bisect_right(self.page_starts, offset)
        begin = self.page_starts[page - 1] if page else 0
        return TextPlace(page, self.text.count("\n", begin, offset) + 1)

    def offset(self, place: TextPlace) -> int:
        """Where a line begins; the last one of its page where it has fewer, and the text's end after its last page."""
        if place.page > len(self.page_starts):
            return len(self.text)
        begin = self.page_starts[place.page - 1] if place.page else 0
        end = self.page_starts[place.page] if place.page < len(self.page_starts) and place.page else len(self.text)
        at = begin
        for _ in range(place.line - 1):
            following = self.text.find("\n", at, end)
            if following < 0 or following + 1 >= end:
                break
            at = following + 1
        return at
