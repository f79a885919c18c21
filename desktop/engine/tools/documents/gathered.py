"""A document's text while it is read: pages, lines and the limit of both."""

from __future__ import annotations

import re

from desktop.core.documents.text import DocumentNote, DocumentText, Paging, Remark
from desktop.engine.tools.documents import refusals

MOST_CHARACTERS = 20_000_000
MOST_PAGES = 5000
_LINE_END = re.compile(r"\r\n?|\u2028|\u2029|\x85|\x0b|\x0c")
_NO_CHARACTER = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")


def plain_lines(text: str) -> str:
    """The text with one kind of line end."""
    return _LINE_END.sub("\n", text)


class Gathered:
    """Takes text in order. Every method raises HeftError once there is more than is read."""

    def __init__(self, paging: Paging = Paging.NONE) -> None:
        self._paging = paging
        self._parts: list[str] = []
        self._length = 0
        self._starts: list[int] = []
        self.remarks: list[Remark] = []

    def add(self, text: str) -> None:
        """Text as it follows, line ends included; what is no character is left out."""
        text = _NO_CHARACTER.sub("", text)
        if not text:
            return
        self._length += len(text)
        if self._length > MOST_CHARACTERS:
            raise refusals.text_too_long(MOST_CHARACTERS)
        self._parts.append(text)

    def line(self, text: str) -> None:
        """A line, or several, and the end of the last."""
        self.add(text + "\n")

    def page(self) -> None:
        """A page begins here, on a line of its own."""
        if self._parts and not self._parts[-1].endswith("\n"):
            self.add("\n")
        if len(self._starts) >= MOST_PAGES:
            raise refusals.too_many_pages(len(self._starts) + 1, MOST_PAGES)
        self._starts.append(self._length)

    @property
    def at_page_start(self) -> bool:
        """Whether nothing came since the last page began."""
        return bool(self._starts) and self._starts[-1] == self._length

    def forget_single_page(self) -> None:
        """One page is none, in a document that may not know its pages."""
        if len(self._starts) == 1:
            self._starts.clear()

    def remark(self, note: DocumentNote, detail: str = "", count: int = 0) -> None:
        """Something that a person should know."""
        self.remarks.append(Remark(note, detail, count))

    @property
    def empty(self) -> bool:
        """Whether nothing but white space came."""
        return not any(part.strip() for part in self._parts)

    def result(self, kind: str) -> DocumentText:
        """All of it."""
        paging = self._paging if self._starts else Paging.NONE
        return DocumentText(kind, "".join(self._parts), tuple(self._starts), paging, tuple(self.remarks))
