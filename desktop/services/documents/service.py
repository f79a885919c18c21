"""Documents on their way into a prompt: read, counted for the model, whole or in part as a person chose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from desktop.core.cancelled import Cancelled, never
from desktop.core.documents import prompt
from desktop.core.documents.prompt import Citation
from desktop.core.documents.text import DocumentText
from desktop.core.documents.way import Way
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.progress import Report, unheard
from desktop.core.text import one_line
from desktop.core.units import human_count
from desktop.core.words import tr
from desktop.services.documents.counting import Counter, Counters
from desktop.services.documents.embedding import Embedder
from desktop.services.documents.reading import DocumentReader
from desktop.services.documents.retrieval import MOST_TOKENS, Passages, Source, find_passages

_ANSWER_TOKENS = 1024  # kept free for an answer of no set length, a quarter of a short context
_FRAME_TOKENS = 60  # of what stands around passages: their numbers, names and places
_UNKNOWN = 1 << 30
_LEAST_TOKENS = 50  # of a document's part that is worth sending


@dataclass(frozen=True)
class Wish:
    """A document and how it is to go; ``tokens`` is how long a beginning may be, None for as much as there is room."""

    source: Source
    way: Way
    tokens: int | None = None


@dataclass(frozen=True)
class SentPart:
    """What a model is given of one document, what that costs, and what of it has a number."""

    text: str
    tokens: int
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True)
class Given:
    """What a model is given before a question: a part of each wish, in their order. ``tokens`` is the cost of all."""

    parts: tuple[SentPart, ...]
    tokens: int
    exact: bool
    passages: Passages | None = None

    @property
    def text(self) -> str:
        """All of it."""
        return prompt.asked([part.text for part in self.parts], "")

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The numbered passages of all documents."""
        return tuple(citation for part in self.parts for citation in part.citations)


def room_left(context_length: int, used_tokens: int, answer_tokens: int = 0) -> int:
    """Tokens that documents may have beside all else. ``answer_tokens`` is the longest answer, 0 for any;
    ``context_length`` 0 is that of a server that does not tell it, which refuses by itself what is too long.
    """
    if not context_length:
        return _UNKNOWN
    kept = answer_tokens or min(_ANSWER_TOKENS, context_length // 4)
    return max(0, context_length - used_tokens - kept)


class DocumentService:
    """Calls wait and come from worker threads."""

    def __init__(self, reader: DocumentReader, counters: Counters, embedder: Callable[[], Embedder | None]) -> None:
        self._reader, self._counters, self._embedder = reader, counters, embedder

    def read(self, path: Path, name: str = "", cancelled: Cancelled = never, report: Report = unheard) -> DocumentText:
        """As :meth:`DocumentReader.read`."""
        return self._reader.read(path, name, cancelled, report)

    def count(self, texts: Sequence[str], model: Path | None, cancelled: Cancelled = never) -> tuple[int, ...]:
        """Tokens of some texts, exact where the model's tokenizer is here. Raises as :meth:`cost` does."""
        return tuple(self._counters.of(model, cancelled).count(texts, cancelled))

    def cost(
        self, sources: Sequence[Source], model: Path | None, cancelled: Cancelled = never
    ) -> tuple[tuple[int, ...], bool]:
        """Tokens of each whole document as the model is given it, and whether they are exact.

        ``model`` is the file of the model that will read it, None for another server's. Raises CancelledError,
        HeftError.
        """
        counter = self._counters.of(model, cancelled)
        texts = [prompt.whole(source.name, source.document) for source in sources]
        return tuple(counter.count(texts, cancelled)), counter.exact

    def embedding_model(self) -> str:
        """The name of the embedding model that passages are found with; "" where they are found by words alone."""
        embedder = self._embedder()
        model = embedder.model() if embedder is not None else None
        return model.name if model is not None else ""

    def enclose(
        self,
        wishes: Sequence[Wish],
        question: str,
        room: int,
        model: Path | None,
        *,
        first_number: int = 1,
        cancelled: Cancelled = never,
        report: Report = unheard,
    ) -> Given:
        """The documents as text before a question, in ``room`` tokens; passages share what the others leave.

        Raises CancelledError; HeftError, "context-full" where a document that is to go whole does not fit.
        """
        counter = self._counters.of(model, cancelled)
        left = room
        parts: dict[int, SentPart] = {}
        for place, wish in enumerate(wishes):
            if wish.way is Way.PASSAGES:
                continue
            if wish.way is Way.WHOLE:
                block = prompt.whole(wish.source.name, wish.source.document)
                tokens = sum(counter.count([block], cancelled))
                if tokens > left:
                    raise does_not_fit(wish.source.name, tokens, left, exact=counter.exact)
            else:
                block, tokens = self._beginning(wish, left, counter, cancelled)
            parts[place] = SentPart(block, tokens)
            left -= tokens
        found: Passages | None = None
        searched = [place for place, wish in enumerate(wishes) if wish.way is Way.PASSAGES]
        if searched:
            most = min(MOST_TOKENS, left * 3 // 4)
            if most < _LEAST_TOKENS:
                raise no_room(wishes[searched[0]].source.name, left)
            found = find_passages(
                [wishes[place].source for place in searched], question, most, counter, self._embedder(),
                first_number=first_number, cancelled=cancelled, report=report,
            )  # fmt: skip
            for number, place in enumerate(searched):
                cited, text = _passages(found, number)
                parts[place] = SentPart(text, sum(counter.count([text], cancelled)), cited)
        ordered = tuple(parts[place] for place in range(len(wishes)))
        text = prompt.asked([part.text for part in ordered], "")
        return Given(ordered, sum(counter.count([text], cancelled)), counter.exact, found)

    def _beginning(self, wish: Wish, left: int, counter: Counter, cancelled: Cancelled) -> tuple[str, int]:
        """As much of a document's beginning as there is room for, up to a line's end where one is near."""
        source = wish.source
        most = min(left, wish.tokens if wish.tokens is not None else left) - _FRAME_TOKENS
        if most < _LEAST_TOKENS:
            raise no_room(source.name, left)
        document = source.document
        while True:
            end = counter.beginning(document.text, most, cancelled)
            line = document.text.rfind("\n", end - end // 8, end) if end < len(document.text) else end
            block = prompt.beginning(source.name, document, line if line > 0 else end)
            tokens = sum(counter.count([block], cancelled))
            if tokens <= left or most <= _LEAST_TOKENS:
                return block, tokens
            most = max(_LEAST_TOKENS, most - (tokens - left) - _FRAME_TOKENS)  # the marks of its pages count, too

    def close(self) -> None:
        """End the processes that it keeps warm."""
        self._reader.close()
        self._counters.close()


def _passages(found: Passages, number: int) -> tuple[tuple[Citation, ...], str]:
    """Those of one of the documents that were searched, and as text."""
    own = [place for place, source in enumerate(found.sources) if source == number]
    citations = tuple(found.citations[place] for place in own)
    return citations, prompt.passages(citations, [found.texts[place] for place in own]) if own else ""


def does_not_fit(name: str, tokens: int, left: int, *, exact: bool) -> HeftError:
    """A document that is longer than what is left of the context."""
    about = "" if exact else "about "
    return HeftError(
        tr(
            "{name} has {about}{tokens} tokens; {left} are left of the context.",
            name=one_line(name),
            about=about,
            tokens=human_count(tokens),
            left=human_count(max(0, left)),
        ),
        tr("Send the parts that matter or its beginning, or load the model with a longer context."),
        kind=FailureKind.CONTEXT_FULL,
    )


def no_room(name: str, left: int) -> HeftError:
    """Not even a part of a document fits."""
    return HeftError(
        tr(
            "There is no room for {name}: {left} tokens are left of the context.",
            name=one_line(name),
            left=human_count(max(0, left)),
        ),
        tr("Begin a new chat, or load the model with a longer context."),
        kind=FailureKind.CONTEXT_FULL,
    )
