"""Documents that go with a question of ``run`` and ``chat``."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path

from desktop.cli.output import ProgressLine, print_note
from desktop.core.documents.prompt import Citation, asked, cited_in, place_words
from desktop.core.documents.way import Way
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.engine.api import Generate, Loaded
from desktop.services.container import Container
from desktop.services.documents.retrieval import Source
from desktop.services.documents.service import Given, Wish, does_not_fit, room_left
from desktop.services.documents.words import remark_words, search_words, size_words, tokens_words

_CHOOSE = (
    "Add --attach-as passages (the parts that matter) or --attach-as beginning, or load it with a longer --context."
)


def add_attach_arguments(parser: argparse.ArgumentParser) -> None:
    """Which documents, and how."""
    parser.add_argument(
        "--attach", action="append", default=[], type=Path, metavar="FILE",
        help="a document that goes with the question (text, PDF, DOCX, ODT, EPUB, HTML); may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--attach-as", choices=[way.value for way in Way], default=Way.WHOLE.value,
        help="all of it, the parts that matter for the question, or its beginning",
    )  # fmt: skip


def read_attached(container: Container, args: argparse.Namespace) -> tuple[Source, ...]:
    """The documents' texts; what is to be known of them is noted. Raises HeftError in words for one that has none."""
    return tuple(read_document(container, path) for path in args.attach)


def read_document(container: Container, path: Path) -> Source:
    """One document's text, likewise."""
    progress = ProgressLine(f"Reading {path.name}")
    try:
        digest = hashlib.sha256(_bytes_of(path)).hexdigest()
        document = container.documents.read(path, report=lambda step: progress.update(step.fraction))
    finally:
        progress.close()
    for remark in document.remarks:
        print_note(f"note: {path.name}: {remark_words(remark)}")
    return Source(path.name, digest, document)


def enclosed(
    container: Container,
    sources: Sequence[Source],
    question: str,
    request: Generate,
    loaded: Loaded,
    *,
    way: Way,
    limit: int,
    first_number: int = 1,
    choose: str = _CHOOSE,
) -> Given | None:
    """The documents as the model is given them with ``request``; None without any. Says what they cost.

    ``limit`` is the most that is to be written, in tokens (0: none).

    Raises HeftError, "context-full" with what can be chosen, where they are to go whole and do not fit.
    """
    if not sources:
        return None
    model = None if loaded.endpoint else Path(loaded.path)
    used = 0 if loaded.endpoint else container.engine.count(request)
    room = room_left(loaded.context_length, used, limit)
    progress = ProgressLine("Searching the documents")
    try:
        costs, exact = container.documents.cost(sources, model)
        for source, cost in zip(sources, costs, strict=True):
            print_note(f"{source.name}: {size_words(source.document, cost, exact=exact)}")
        if way is Way.WHOLE and sum(costs) > room:
            refused = does_not_fit(" and ".join(one.name for one in sources), sum(costs), room, exact=exact)
            raise HeftError(refused.message, choose, kind=FailureKind.CONTEXT_FULL)
        found = container.documents.enclose(
            [Wish(source, way) for source in sources], question, room, model, first_number=first_number,
            report=lambda step: progress.update(step.fraction),
        )  # fmt: skip
    finally:
        progress.close()
    if found.passages is not None:
        print_note(f"note: {search_words(found.passages)}")
    if way is Way.BEGINNING:
        print_note(f"note: only the beginning goes with the question: {tokens_words(found.tokens, exact=found.exact)}")
    return found


def with_documents(text: str, documents: Given | None) -> str:
    """A question with what goes before it."""
    return text if documents is None else asked([documents.text], text)


def cited(documents: Given | None, answer: str) -> tuple[Citation, ...]:
    """The passages that an answer names."""
    named = {number for number, _, _ in cited_in(answer)}
    return tuple(one for one in documents.citations if one.number in named) if documents is not None else ()


def citation_lines(citations: Sequence[Citation]) -> list[str]:
    """Which number is which place: ``[1] report.pdf, page 3, line 12``."""
    return [f"[{one.number}] {one.name}, {place_words(one.paging, one.first, one.last)}" for one in citations]


def attached_document(sources: Sequence[Source], documents: Given | None, way: str) -> dict[str, object]:
    """The ``attachments`` and ``citations`` of ``heft run --json``."""
    citations = documents.citations if documents is not None else ()
    return {
        "attachments": [
            {
                "name": source.name,
                "format": source.document.format,
                "sha256": source.sha256,
                "pages": len(source.document.page_starts),
                "as": way,
                "notes": [remark_words(remark) for remark in source.document.remarks],
            }
            for source in sources
        ],
        "attached_tokens": documents.tokens if documents is not None else 0,
        "citations": [
            {"number": one.number, "name": one.name, "page": one.first.page, "line": one.first.line}
            for one in citations
        ],
    }


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise HeftError(
            f"{path} cannot be read: {error.strerror}.",
            "Check its name, and that you may read it.",
            detail=str(error),
            kind=FailureKind.NOT_FOUND if isinstance(error, FileNotFoundError) else FailureKind.NOT_READABLE,
        ) from error
