"""What a person is told of documents: how they were read, what they cost, how they were searched."""

from __future__ import annotations

from desktop.core.documents.text import DocumentNote, DocumentText, Paging, Remark
from desktop.core.errors import HeftError
from desktop.core.units import human_count
from desktop.core.words import counted
from desktop.services.documents.retrieval import Passages, Search

_GET_EMBEDDING = "Download an embedding model to search by meaning: nomic-embed-text, for example."
BY_WORDS = f"Passages are found by the words of the question. {_GET_EMBEDDING}"


def remark_words(remark: Remark) -> str:
    """One sentence."""
    match remark.note:
        case DocumentNote.OTHER_TYPE:
            return f"Its name says another type: it was read as {remark.detail}."
        case DocumentNote.LEGACY_ENCODING:
            return f"It is no Unicode and was read as {remark.detail}: check that its letters are right."
        case DocumentNote.DAMAGED_CHARACTERS:
            return f"Of its text {_counted(remark.count, 'character')} could not be read and left as \ufffd."
        case DocumentNote.MACROS_IGNORED:
            return "Its macros were left out and not run."
        case DocumentNote.EMPTY_PAGES:
            return f"{_counted(remark.count, 'page')} without text: pictures, which were left out."


def length_words(document: DocumentText) -> str:
    """``PDF, 12 pages``; lines where there are no pages."""
    unit = {Paging.PAGES: "page", Paging.SECTIONS: "section"}.get(document.paging, "")
    text = document.text
    lines = text.count("\n") + (not text.endswith("\n"))
    return f"{document.format}, {_counted(len(document.page_starts), unit) if unit else _counted(lines, 'line')}"


def size_words(document: DocumentText, tokens: int, *, exact: bool) -> str:
    """``PDF, 12 pages, 8,431 tokens``; "about" where the model's tokenizer is not here."""
    return f"{length_words(document)}, {tokens_words(tokens, exact=exact)}"


def tokens_words(tokens: int, *, exact: bool) -> str:
    """``8,431 tokens``."""
    return f"{'' if exact else 'about '}{_counted(tokens, 'token')}"


def search_words(found: Passages) -> str:
    """How passages were chosen, and the one thing that would make it better."""
    what = f"{_counted(len(found.citations), 'passage')} of {human_count(found.pieces)}"
    match found.search:
        case Search.MEANING:
            return f"{what}, chosen by meaning with {found.model}."
        case Search.WORDS:
            said = f"{what}, chosen by the words of the question."
        case Search.NOTHING:
            first = _counted(len(found.citations), "passage")
            said = f"None of the question's words is in it: its first {first} were taken."
    if found.failure is not None:
        return f"{said} {found.failure.message} {found.failure.hint}"
    return f"{said} {_GET_EMBEDDING}"


def found_by_words(failure: HeftError) -> HeftError:
    """The library's embedding model could not be used: passages were found without it."""
    message = f"Passages were found by the words of the question alone. {failure.message}"
    return HeftError(message, failure.hint, detail=failure.detail, kind=failure.kind)


def _counted(number: int, what: str) -> str:
    return counted(human_count(number), what, one=number == 1)
