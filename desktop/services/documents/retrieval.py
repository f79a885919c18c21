"""The parts of documents that matter for a question: by meaning where an embedding model is here, else by words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.documents.choosing import best_of, chosen, closeness, fused
from desktop.core.documents.pieces import Piece, pieces_of, statements_of
from desktop.core.documents.prompt import Citation
from desktop.core.documents.text import DocumentText
from desktop.core.documents.word_search import word_scores
from desktop.core.errors import HeftError
from desktop.core.progress import Report, share, unheard

if TYPE_CHECKING:
    from desktop.services.documents.counting import Counter
    from desktop.services.documents.embedding import Embedder

MOST_TOKENS = 4000  # of all passages of a question: about ten. More of them make an answer slower, seldom better


class Search(StrEnum):
    """How passages were found."""

    MEANING = "meaning"  # by vectors and by words together
    WORDS = "words"
    NOTHING = "nothing"  # none of the question's words is in them: their beginnings


@dataclass(frozen=True)
class Source:
    """A document to search: its name, the digest of its file, its text."""

    name: str
    sha256: str
    document: DocumentText


@dataclass(frozen=True)
class Passages:
    """What was found, in the documents' order; ``sources`` are the numbers, from 0, of the documents that each is of.

    ``tokens`` are those of the texts, ``pieces`` how many there were.

    ``model`` is the embedding model that was used; ``failure`` why there was none where one is here; with neither,
    the library has none.
    """

    citations: tuple[Citation, ...]
    texts: tuple[str, ...]
    sources: tuple[int, ...]
    tokens: int
    pieces: int
    search: Search
    model: str = ""
    failure: HeftError | None = None


def find_passages(
    sources: Sequence[Source],
    question: str,
    tokens: int,
    counter: Counter,
    embedder: Embedder | None,
    *,
    first_number: int = 1,
    cancelled: Cancelled = never,
    report: Report = unheard,
) -> Passages:
    """The best of all documents' pieces for a question, ``tokens`` at most, numbered from ``first_number``.

    By meaning a piece is as close as the closest of its statements: a vector of the whole would hold none of them.
    Raises CancelledError; HeftError where the tokenizer fails. A failure of the embedding model is told in what is
    found.
    """
    found: list[tuple[int, Piece]] = []
    for number, source in enumerate(sources):
        pieces = pieces_of(source.document, lambda texts: counter.count(texts, cancelled))
        found += ((number, piece) for piece in pieces)
    texts = [sources[number].document.text[piece.start : piece.end] for number, piece in found]
    by_meaning: list[float] = []
    model, failure = "", None
    served = embedder.model() if embedder is not None else None
    if embedder is not None and served is not None:
        spans = [statements_of(sources[number].document.text, piece) for number, piece in found]
        said = [
            sources[number].document.text[start:end]
            for (number, _), own in zip(found, spans, strict=True)
            for start, end in own
        ]
        try:
            vectors, asked = embedder.vectors(served, said, question, cancelled, share(report, 0.0, 1.0))
            by_meaning, model = best_of(closeness(vectors, asked), [len(own) for own in spans]), served.name
        except CancelledError:
            raise
        except HeftError as error:
            failure = error
    by_words = word_scores(texts, question, telling=bool(by_meaning))
    order = fused(by_meaning, by_words) if by_meaning else fused(by_words)
    search = Search.MEANING if by_meaning else Search.WORDS
    if not order:
        order, search = list(range(len(found))), Search.NOTHING
    taken = chosen([piece for _, piece in found], order, tokens)
    citations = tuple(
        _citation(number, sources[found[one][0]], found[one][1]) for number, one in enumerate(taken, first_number)
    )
    return Passages(
        citations,
        tuple(texts[one] for one in taken),
        tuple(found[one][0] for one in taken),
        sum(found[one][1].tokens for one in taken),
        len(found),
        search,
        model,
        failure,
    )


def _citation(number: int, source: Source, piece: Piece) -> Citation:
    document = source.document
    return Citation(
        number,
        source.name,
        source.sha256,
        document.paging,
        document.place(piece.start),
        document.place(piece.end - 1),
        piece.start,
        piece.end,
    )
