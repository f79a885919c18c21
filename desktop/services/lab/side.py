"""One side of a comparison: a model that is loaded, asked all prompts, and asked what it held for likely."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from desktop.core.cancelled import Cancelled, CancelledError
from desktop.core.next_token import NextToken, Thought, pieces_before, thought
from desktop.engine.api import Event, Finished, Generate, Load, Loaded, Text
from desktop.engine.server.asked import Written
from desktop.services.chat.answer_parts import AnswerParts, Part
from desktop.services.models.library import LibraryModel
from desktop.system.spawn import start_thread

_LOOK_SECONDS = 0.03
SideState = Literal["loading", "answering", "answered", "done"]


class Asked(Protocol):
    """A loaded model that answers: :class:`desktop.engine.server.asked.AskedServer`."""

    @property
    def loaded(self) -> Loaded: ...
    def answer(self, request: Generate, tell: Callable[[Event], None]) -> Written: ...
    def next_tokens(self, written: Written, pieces: int) -> tuple[NextToken, ...]: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...


Start = Callable[[Load, Cancelled, Callable[[float], None]], Asked]  # loads, and tells how far that is


@dataclass(frozen=True)
class Side:
    """One model's answer to one prompt; rates in tokens per second, ``reason`` why it ended."""

    model: str
    path: str
    text: str
    reasoning: str
    tokens_per_second: float
    generated_tokens: int
    seconds_to_first_token: float
    reason: str


@dataclass(frozen=True)
class SideStep:
    """Where a side is: ``side`` 0 or 1, ``prompt`` by number; ``fraction`` of a load; ``text`` and ``reasoning`` are
    all that was written so far, at ``tokens_per_second`` (live, over the last second)."""

    side: int
    state: SideState
    prompt: int = 0
    fraction: float = 0.0
    text: str = ""
    reasoning: str = ""
    tokens_per_second: float = 0.0


Heard = Callable[[SideStep], None]


@dataclass(frozen=True)
class Answered:
    """An answer, and how it was written."""

    side: Side
    written: Written


def unheard_side(_step: SideStep) -> None:
    """Nobody listens."""


class SideRun:
    """Called by one thread at a time, :meth:`stop` by any."""

    def __init__(
        self,
        number: int,
        model: LibraryModel,
        load: Load,
        requests: Sequence[Generate],
        start: Start,
        heard: Heard,
    ) -> None:
        self._number, self._model, self._load, self._requests = number, model, load, requests
        self._start, self._heard = start, heard
        self._server: Asked | None = None
        self.answered: list[Answered] = []

    def answer(self, cancelled: Cancelled) -> None:
        """Load, and answer all. Raises HeftError, CancelledError."""
        server = self._loaded(cancelled)
        for number, request in enumerate(self._requests):
            if cancelled():
                raise CancelledError
            self.answered.append(self._one(server, number, request, cancelled))
        self._heard(SideStep(self._number, "done"))

    def think(self, others: Sequence[Answered], cancelled: Cancelled) -> list[Thought | None]:
        """What the model held for likely where each answer parts from the other's; None where neither does, or the
        prompt is not known. Loads again what was closed. Raises HeftError."""
        found: list[Thought | None] = []
        for own, other in zip(self.answered, others, strict=True):
            text = "".join(other.written.pieces)
            before = pieces_before(own.written.pieces, text)
            if before is None or cancelled():
                found.append(None)
                continue
            tokens = self._loaded(cancelled).next_tokens(own.written, before)
            found.append(thought(own.written.pieces, text, before, tokens) if tokens else None)
        return found

    def stop(self) -> None:
        """Write no more."""
        if self._server is not None:
            self._server.stop()

    def close(self) -> None:
        """End the process; the answers stay."""
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def _loaded(self, cancelled: Cancelled) -> Asked:
        if self._server is None:
            self._tell_loading(0.0)
            self._server = self._start(self._load, cancelled, self._tell_loading)
        return self._server

    def _tell_loading(self, fraction: float) -> None:
        self._heard(SideStep(self._number, "loading", fraction=fraction))

    def _one(self, server: Asked, number: int, request: Generate, cancelled: Cancelled) -> Answered:
        parts = AnswerParts(tagged=server.loaded.template != "none")
        written = _Collected()
        ended: list[Finished] = []

        def tell(event: Event) -> None:
            if isinstance(event, Text):
                written.add(parts.take(event))
                self._heard(
                    SideStep(
                        self._number, "answering", number, text=written.text, reasoning=written.reasoning,
                        tokens_per_second=event.tokens_per_second,
                    )
                )  # fmt: skip
            elif isinstance(event, Finished):
                ended.append(event)

        with watched(server, cancelled):
            raw = server.answer(request, tell)
        written.add(parts.finish())
        if cancelled() or not ended:
            raise CancelledError
        figures = ended[0].statistics
        side = Side(
            self._model.title, str(self._model.path), written.text, written.reasoning, figures.tokens_per_second,
            figures.generated_tokens, figures.seconds_to_first_token, ended[0].reason,
        )  # fmt: skip
        self._heard(
            SideStep(
                self._number, "answered", number, text=side.text, reasoning=side.reasoning,
                tokens_per_second=side.tokens_per_second,
            )
        )  # fmt: skip
        return Answered(side, raw)


@contextlib.contextmanager
def watched(server: Asked, cancelled: Cancelled) -> Iterator[None]:
    """Stops the answer as soon as it is cancelled, also while the prompt is read."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_LOOK_SECONDS):
            if cancelled():
                server.stop()
                return

    watcher = threading.Thread(target=watch, name="compare stop", daemon=True)
    start_thread(watcher)
    try:
        yield
    finally:
        over.set()
        watcher.join()


class _Collected:
    """An answer as it comes."""

    def __init__(self) -> None:
        self.text = self.reasoning = ""

    def add(self, part: Part) -> None:
        """One more part."""
        if part.turned:  # what stood there was reasoning
            self.text, self.reasoning = "", self.reasoning + self.text
        self.reasoning += part.reasoning
        self.text += part.text
