"""Documents as a model is given them, and the numbers by which its answer names the parts it is from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from desktop.core.documents.text import DocumentText, Paging, TextPlace
from desktop.core.text import one_line

_NUMBERS = re.compile(r"\[(\d{1,4}(?:\s*[,;]\s*\d{1,4})*)\](?!\()")
_CODE = re.compile(r"^(`{3,}|~{3,}).*?^\1|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_NAME_CHARACTERS = 120
_UNIT = {Paging.PAGES: "page", Paging.SECTIONS: "section"}
_ASKED = "Name the numbers of the passages that the answer is from in square brackets, like [{}]."


class Citation(msgspec.Struct, frozen=True):
    """A passage that a model was given under a number: whose, and where it stands. Offsets are into the whole text."""

    number: int
    name: str
    sha256: str
    paging: Paging
    first: TextPlace
    last: TextPlace
    start: int
    end: int


def place_words(paging: Paging, first: TextPlace, last: TextPlace | None = None) -> str:
    """Where something stands, for a model and for a person: "page 3, line 12", "pages 3 to 4", "lines 5 to 9"."""
    last = last or first
    unit = _UNIT.get(paging, "")
    if unit and first.page != last.page:
        return f"{unit}s {first.page} to {last.page}"
    line = f"line {first.line}" if first.line == last.line else f"lines {first.line} to {last.line}"
    return f"{unit} {first.page}, {line}" if unit and first.page else line


def whole(name: str, document: DocumentText) -> str:
    """All of a document, each of its pages under its number."""
    return f"[Document: {_shown(name)}]\n{_with_pages(document, len(document.text))}\n[End of {_shown(name)}]"


def beginning(name: str, document: DocumentText, end: int) -> str:
    """A document up to an offset, saying that it goes on."""
    shown = _shown(name)
    return f"[The beginning of {shown}, which goes on after this]\n{_with_pages(document, end)}\n[End of the beginning]"


def passages(cited: Sequence[Citation], texts: Sequence[str]) -> str:
    """Parts of documents under their numbers; ``texts`` are theirs."""
    names = ", ".join(dict.fromkeys(_shown(one.name) for one in cited))
    parts = [f"[Passages from {names}, chosen for this question; the rest is not shown]"]
    for one, text in zip(cited, texts, strict=True):
        parts.append(f"[{one.number}] {_shown(one.name)}, {place_words(one.paging, one.first, one.last)}:\n{text}")
    parts.append(f"[End of the passages. {_ASKED.format(cited[0].number)}]" if cited else "[There are none]")
    return "\n\n".join(parts)


def asked(blocks: Sequence[str], question: str) -> str:
    """A message: what goes with the question, then the question."""
    return "\n\n".join(filter(None, (*blocks, question)))


def cited_in(answer: str) -> Iterator[tuple[int, int, int]]:
    """The numbers that an answer names, each with where it stands: number, start, end. Code names none."""
    code = [found.span() for found in _CODE.finditer(answer)]
    for found in _NUMBERS.finditer(answer):
        if any(start <= found.start() < end for start, end in code):
            continue
        for number in re.finditer(r"\d+", found[1]):
            at = found.start(1)
            yield int(number[0]), at + number.start(), at + number.end()


def _shown(name: str) -> str:
    return one_line(name, _NAME_CHARACTERS)


def _with_pages(document: DocumentText, end: int) -> str:
    unit = _UNIT.get(document.paging, "")
    if not unit:
        return document.text[:end]
    starts = [start for start in document.page_starts if start < end]
    parts = [
        f"[{unit} {number}]\n{document.text[start:stop].rstrip()}"
        for number, (start, stop) in enumerate(zip(starts, [*starts[1:], end], strict=True), 1)
    ]
    return "\n\n".join(filter(None, (document.text[: starts[0]].rstrip() if starts else "", *parts)))
