"""The numbers by which an answer names passages, as links that lead to them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote, unquote

from desktop.core.documents.prompt import Citation, cited_in, place_words

_SCHEME = "passage:"  # no browser knows it, and no answer's own link of it leads anywhere but to a passage
_ADDRESS = re.compile(r"passage:(\d{1,6})(?:/(\S*))?")
_LINK = re.compile(r"\[(\d{1,6})\]\(passage:[^)\s]*\)")


def with_links(answer: str, citations: Sequence[Citation]) -> str:
    """The answer's Markdown, in which each number of a passage leads to it; other numbers stay as they are."""
    if not citations:
        return answer
    known = {one.number: one for one in citations}
    parts: list[str] = []
    at = 0
    for number, start, end in cited_in(answer):
        if (one := known.get(number)) is not None:
            parts += (answer[at:start], f"[{number}]({_SCHEME}{number}/{quote(citation_words(one), safe='')})")
            at = end
    return "".join([*parts, answer[at:]])


def without_links(markdown: str) -> str:
    """The same as the model wrote it."""
    return _LINK.sub(r"\1", markdown)


def passage_number(address: str) -> int | None:
    """The passage that a link leads to; None for a link of any other kind."""
    found = _ADDRESS.fullmatch(address)
    return int(found[1]) if found else None


def link_words(address: str) -> str:
    """What a link is called: the place of a passage, the address of any other."""
    found = _ADDRESS.fullmatch(address)
    return unquote(found[2] or found[1]) if found else address


def citation_words(citation: Citation) -> str:
    """``lease.pdf, page 3, line 12``."""
    return f"{citation.name}, {place_words(citation.paging, citation.first, citation.last)}"
