"""Word documents: WordprocessingML (ECMA-376 part 1, 17), paragraph by paragraph, without building a tree.

What was deleted while changes are tracked, field codes and the second form of text boxes are no text. Pages are where
Word broke them last, or where the author did.
"""

from __future__ import annotations

import re
from pathlib import Path

from desktop.core.documents.text import DocumentNote, DocumentText, Paging
from desktop.engine.tools.documents import refusals
from desktop.engine.tools.documents.archive import Archive
from desktop.engine.tools.documents.gathered import Gathered

KIND = "Word document"
DOCUMENT = "word/document.xml"
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main "
_STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main "
_FALLBACK = "http://schemas.openxmlformats.org/markup-compatibility/2006 Fallback"
_PAST = ("moveFrom", "pPrChange", "rPrChange")  # what was there before a tracked change
_NOTES = ("word/footnotes.xml", "word/endnotes.xml")
_HEADING = re.compile(r"heading\s?([1-6])$", re.IGNORECASE)
_MARKS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "\u2011"}


def read_word(path: Path) -> DocumentText:
    """Raises HeftError."""
    with Archive(path, KIND) as archive:
        gathered = _body(archive)
        if any(name.lower().endswith("vbaproject.bin") for name in archive.names):
            gathered.remark(DocumentNote.MACROS_IGNORED)
        for name in _NOTES:
            if name in archive.names:
                archive.parse(name, _Paragraphs(gathered, breaks=False))
    gathered.forget_single_page()
    if gathered.empty:
        raise refusals.no_text("This Word document has no text.", "Attach its pictures by themselves.")
    return gathered.result(KIND)


def _body(archive: Archive) -> Gathered:
    gathered = Gathered(Paging.PAGES)
    try:
        archive.parse(DOCUMENT, _Paragraphs(gathered, breaks=True))
    except KeyError:
        raise refusals.damaged(f"a {KIND}", f"it has no {DOCUMENT}") from None
    return gathered


class _Paragraphs:
    """Writes each paragraph down as a line, rows of tables with their cells side by side."""

    def __init__(self, gathered: Gathered, *, breaks: bool) -> None:
        self._gathered, self._breaks = gathered, breaks
        self._paragraphs: list[list[str]] = []  # within each other: a text box lies in a paragraph
        self._cells: list[list[str]] = []
        self._text = self._skipped = 0
        self._started = False
        self._rendered = False  # Word said where its pages broke: the author's own breaks are among them

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Of :class:`Handler`."""
        if self._skipped or name == _FALLBACK or _local(name) in _PAST:
            self._skipped += 1
            return
        match _local(name):
            case "p":
                self._paragraphs.append([])
            case "t":
                self._text += 1
            case "pStyle":
                if found := _HEADING.match(_value(attributes)):
                    self._put("#" * int(found[1]) + " ")
            case "numPr" if self._paragraphs and not self._paragraphs[-1]:
                self._put("- ")
            case "tr":
                self._cells.append([])
            case "tc":
                if self._cells:
                    self._cells[-1].append("")
            case "lastRenderedPageBreak":
                self._rendered = True
                self._page()
            case "br" if _value(attributes, "type") == "page":
                if not self._rendered:
                    self._page()
            case "tab" | "br" | "cr" | "noBreakHyphen" as mark:
                self._put(_MARKS[mark])

    def end(self, name: str) -> None:
        """Of :class:`Handler`."""
        if self._skipped:
            self._skipped -= 1
            return
        match _local(name):
            case "t":
                self._text -= 1
            case "p" if self._paragraphs:
                text = "".join(self._paragraphs.pop()).rstrip()
                self._line(text, apart=bool(text) and not text.startswith("- "))
            case "tr" if self._cells:
                self._line(" | ".join(cell.strip().replace("\n", " ") for cell in self._cells.pop()))
            case "tbl":
                self._line("")

    def data(self, text: str) -> None:
        """Of :class:`Handler`."""
        if self._text and not self._skipped:
            self._put(text)

    def _put(self, text: str) -> None:
        if self._paragraphs:
            self._paragraphs[-1].append(text)

    def _line(self, text: str, *, apart: bool = False) -> None:
        """``apart``: paragraphs are told from lines by what is between them."""
        if self._cells and self._cells[-1]:
            self._cells[-1][-1] += f"{text}\n"
            return
        self._first_page()
        self._gathered.line(text)
        if apart:
            self._gathered.line("")

    def _page(self) -> None:
        """A page begins here: within a paragraph, what stands before it ends the last page."""
        if not self._breaks or self._cells:
            return
        self._first_page()
        for paragraph in self._paragraphs:
            if text := "".join(paragraph).rstrip():
                self._gathered.line(text)
            paragraph.clear()
        if not self._gathered.at_page_start:  # the author's break and the one that Word made of it are one
            self._gathered.page()

    def _first_page(self) -> None:
        if self._breaks and not self._started:
            self._started = True
            self._gathered.page()


def _local(name: str) -> str:
    for space in (_W, _STRICT):
        if name.startswith(space):
            return name[len(space) :]
    return ""


def _value(attributes: dict[str, str], name: str = "val") -> str:
    return attributes.get(_W + name) or attributes.get(_STRICT + name) or ""
