"""An answer as it streams, told apart: what the model thought before it, and what it says."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from desktop.engine.api import Text
from desktop.engine.endpoint.reasoning import ReasoningSplitter, Split


@dataclass(frozen=True)
class Part:
    """What is new. ``turned``: all text that was given before turned out to be reasoning.

    ``reasoning_seconds`` is how long the model has been thinking in all, 0 where it did not.
    """

    reasoning: str = ""
    text: str = ""
    turned: bool = False
    reasoning_seconds: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.reasoning or self.text or self.turned)


NOTHING = Part()


class AnswerParts:
    """Takes the engine's texts; what an engine leaves between tags is split here.

    Empty lines between tags and text are part of the tags. Time runs from the first text of the engine to the first of
    the answer.
    """

    def __init__(
        self,
        *,
        begun: Part = NOTHING,
        tagged: bool = True,
        apart: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``begun``: what there is of an answer that goes on; after its text has begun there are no tags.

        ``tagged``: the engine may leave tags in the text. ``apart``: it is known to tell this model's reasoning apart,
        so what it gives as text of an answer that was stopped amid its reasoning is not more of that.
        """
        opened = True if begun.reasoning and not apart else None
        self._splitter = ReasoningSplitter(opened=opened) if tagged and not begun.text else None
        self._found_tags = False
        self._clock = clock
        self._before = begun.reasoning_seconds
        self._since: float | None = None
        self._over = begun.reasoning_seconds if begun.text else None  # seconds of thinking, once the answer has begun
        self._thought = bool(begun.reasoning)

    def take(self, event: Text) -> Part:
        """What this text adds."""
        if self._since is None:
            self._since = self._clock()
        before = self._ended() if event.reasoning else Split()  # an engine that tells them apart leaves no tags
        split = self._splitter.feed(event.text) if self._splitter is not None else Split(text=event.text)
        return self._part(before.reasoning + event.reasoning + split.reasoning, before.text + split.text, split.turned)

    def finish(self) -> Part:
        """What was held back until the end."""
        return self._part(*self._ended())

    def _ended(self) -> Split:
        splitter, self._splitter = self._splitter, None
        if splitter is None:
            return Split()
        split = splitter.finish()
        self._found_tags = splitter.found
        return split

    def _part(self, reasoning: str, text: str, turned: bool) -> Part:
        if self._splitter is not None:
            self._found_tags = self._splitter.found
        if turned:
            self._thought, self._over = True, None
        if not self._thought:
            reasoning = reasoning.lstrip("\r\n")
        self._thought = self._thought or bool(reasoning)
        if self._over is None and (self._thought or self._found_tags):
            text = text.lstrip("\r\n")
        seconds = self._seconds()
        if text and self._over is None:
            self._over = seconds
        return Part(reasoning, text, turned, seconds)

    def _seconds(self) -> float:
        if not self._thought:
            return 0.0
        if self._over is not None:
            return self._over
        return self._before + (self._clock() - self._since if self._since is not None else 0.0)
