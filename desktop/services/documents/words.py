"""What a person is told of documents: how they were read, what they cost, how they were searched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.core.documents.text import DocumentNote, DocumentText, Paging, Remark
from desktop.core.errors import HeftError
from desktop.core.units import human_count
from desktop.core.words import counted, tr

if TYPE_CHECKING:
    from desktop.services.documents.retrieval import Passages

_GET_EMBEDDING = tr("Download an embedding model to search by meaning: nomic-embed-text, for example.")
BY_WORDS = tr("Passages are found by the words of the question. {get_embedding}", get_embedding=_GET_EMBEDDING)


def remark_words(remark: Remark) -> str:
    """One sentence."""
    match remark.note:
        case DocumentNote.OTHER_TYPE:
            return tr("Its name says another type: it was read as {detail}.", detail=remark.detail)
        case DocumentNote.LEGACY_ENCODING:
            return tr(
                "It is no Unicode and was read as {detail}: check that its letters are right.", detail=remark.detail
            )
        case DocumentNote.DAMAGED_CHARACTERS:
            return tr("Of its text {count} could not be read and left as �.", count=_counted(remark.count, "character"))
        case DocumentNote.MACROS_IGNORED:
            return tr("Its macros were left out and not run.")
        case DocumentNote.EMPTY_PAGES:
            return tr("{count} without text: pictures, which were left out.", count=_counted(remark.count, "page"))


def length_words(document: DocumentText) -> str:
    """``PDF, 12 pages``; lines where there are no pages."""
    text, pages = document.text, len(document.page_starts)
    if document.paging in (Paging.PAGES, Paging.SECTIONS):
        size = _counted(pages, "page") if document.paging == Paging.PAGES else _counted(pages, "section")
    else:
        size = _counted(text.count("\n") + (not text.endswith("\n")), "line")
    return f"{document.format}, {size}"


def size_words(document: DocumentText, tokens: int, *, exact: bool) -> str:
    """``PDF, 12 pages, 8,431 tokens``; "about" where the model's tokenizer is not here."""
    return f"{length_words(document)}, {tokens_words(tokens, exact=exact)}"


def tokens_words(tokens: int, *, exact: bool) -> str:
    """``8,431 tokens``."""
    return f"{'' if exact else 'about '}{_counted(tokens, 'token')}"


def search_words(found: Passages) -> str:
    """How passages were chosen, and the one thing that would make it better."""
    from desktop.services.documents.retrieval import Search  # where something was searched

    what = tr(
        "{citations} of {pieces}", citations=_counted(len(found.citations), "passage"), pieces=human_count(found.pieces)
    )
    match found.search:
        case Search.MEANING:
            return tr("{what}, chosen by meaning with {model}.", what=what, model=found.model)
        case Search.WORDS:
            said = tr("{what}, chosen by the words of the question.", what=what)
        case Search.NOTHING:
            first = _counted(len(found.citations), "passage")
            said = tr("None of the question's words is in it: its first {first} were taken.", first=first)
    if found.failure is not None:
        return f"{said} {found.failure.message} {found.failure.hint}"
    return f"{said} {_GET_EMBEDDING}"


def found_by_words(failure: HeftError) -> HeftError:
    """The library's embedding model could not be used: passages were found without it."""
    message = tr("Passages were found by the words of the question alone. {message}", message=failure.message)
    return HeftError(message, failure.hint, detail=failure.detail, kind=failure.kind)


def _counted(number: int, what: str) -> str:
    return counted(human_count(number), what, one=number == 1)
