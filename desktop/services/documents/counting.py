"""What a text costs in tokens: exactly, by the tokenizer of the model that will read it; else about."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from desktop.core.cancelled import Cancelled, never
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind

if TYPE_CHECKING:
    from desktop.services.inspect.inspection import Inspected, InspectionService
    from desktop.services.inspect.tokenizer import TokenizerService

_BYTES_PER_TOKEN = 3.5  # of English text in today's vocabularies, rounded down, so that no text is taken for shorter


class Counter(Protocol):
    """Counts for one model."""

    @property
    def exact(self) -> bool:
        """Whether its figures are the model's own."""

    def count(self, texts: Sequence[str], cancelled: Cancelled = never) -> Sequence[int]:
        """Tokens of each text. Raises CancelledError, HeftError."""

    def beginning(self, text: str, tokens: int, cancelled: Cancelled = never) -> int:
        """Characters of a text that are at most so many tokens. Raises as :meth:`count` does."""


class EstimatedCounter:
    """For a model whose tokenizer is not here: that of another server."""

    exact = False

    def count(self, texts: Sequence[str], cancelled: Cancelled = never) -> Sequence[int]:
        return [math.ceil(len(text.encode("utf-8", "replace")) / _BYTES_PER_TOKEN) for text in texts]

    def beginning(self, text: str, tokens: int, cancelled: Cancelled = never) -> int:
        raw = text.encode("utf-8", "replace")[: int(tokens * _BYTES_PER_TOKEN)]
        return len(raw.decode("utf-8", "ignore"))


class ModelCounter:
    """By the vocabulary of a model file."""

    exact = True

    def __init__(self, tokenizer: TokenizerService, inspected: Inspected) -> None:
        self._tokenizer, self._inspected = tokenizer, inspected

    def count(self, texts: Sequence[str], cancelled: Cancelled = never) -> Sequence[int]:
        return self._tokenizer.count(self._inspected, texts, cancelled)

    def beginning(self, text: str, tokens: int, cancelled: Cancelled = never) -> int:
        return self._tokenizer.beginning(self._inspected, text, tokens, cancelled)


class Counters:
    """A counter for each model; the vocabulary of the last one is kept. Thread-safe."""

    def __init__(self, tokenizer: TokenizerService, inspection: Callable[[], InspectionService]) -> None:
        self._tokenizer, self._inspection = tokenizer, inspection
        self._lock = threading.Lock()
        self._last: tuple[Path, int, Inspected] | None = None

    def of(self, model: Path | None, cancelled: Cancelled = never) -> Counter:
        """For a model file; an estimate without one, or where its vocabulary cannot be used. Raises CancelledError."""
        if model is None:
            return EstimatedCounter()
        try:
            counter = ModelCounter(self._tokenizer, self._opened(model, cancelled))
            counter.count([""], cancelled)  # the engine may refuse its vocabulary
        except (OSError, HeftError) as error:
            if isinstance(error, HeftError) and error.kind is FailureKind.CANCELLED:
                raise
            return EstimatedCounter()
        return counter

    def close(self) -> None:
        """Let go of the file, and end the tokenizer's process."""
        self._tokenizer.close()
        with self._lock:
            self._forget()

    def _opened(self, model: Path, cancelled: Cancelled) -> Inspected:
        changed = model.stat().st_mtime_ns
        with self._lock:
            if self._last is not None and self._last[:2] == (model, changed):
                return self._last[2]
            opened = self._inspection().open(str(model), cancelled=cancelled)
            self._forget()
            self._last = (model, changed, opened)
            return opened

    def _forget(self) -> None:
        if self._last is not None:
            self._last[2].resources.close()
            self._last = None
