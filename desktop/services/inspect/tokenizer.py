"""How a text becomes tokens, by the model's real tokenizer: also of files on the Hub, split or damaged ones."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from typing import Any

from desktop.core.cancelled import Cancelled, never
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.gguf import Header
from desktop.core.gguf.vocabulary import vocabulary_file
from desktop.core.words import tr
from desktop.engine.helper_process import Tool
from desktop.engine.tools.tokenizer import (
    Answer,
    Beginning,
    Count,
    Counts,
    Cut,
    Load,
    Request,
    Token,
    Tokenize,
    Tokens,
)
from desktop.services.inspect.inspection import Inspected
from desktop.store.paths import Paths
from desktop.system.atomic import scratch_file
from desktop.system.idle import IdleClose

__all__ = ["Token", "TokenizerService"]

MAX_CHARACTERS = 200_000  # of one text
LOAD_SECONDS, COUNT_SECONDS = 60.0, 120.0  # the second for all texts of a document
_UNKNOWN_ARCHITECTURE = "unknown model architecture"  # src/llama-model-loader.cpp, in the log of a refused load
_KNOWN_ARCHITECTURE = "llama"


class TokenizerService:
    """Keeps one vocabulary loaded in a process of its own; from any thread. The process ends after a while idle."""

    def __init__(self, paths: Paths) -> None:
        self._folder = paths.scratch / "tokenizer"
        log = paths.logs / "tokenizer.log"
        self._tool: Tool[Any] = Tool("desktop.engine.tools.tokenizer", Answer, self._folder, log)
        self._idle = IdleClose(self._end)
        self._lock = threading.Lock()
        self._loaded: weakref.ref[Inspected] | None = None

    def tokenize(
        self,
        inspected: Inspected,
        text: str,
        *,
        add_special: bool = False,
        parse_special: bool = False,
        cancelled: Cancelled = never,
    ) -> tuple[Token, ...]:
        """The tokens of ``text``; ``add_special`` adds what the vocabulary asks for, ``parse_special`` reads control
        tokens in the text. Only header bytes are used, so the weights need not be there.

        Raises CancelledError, HeftError: "too-long", "bad-tokenizer", "bad-file" without a tokenizer, or why the
        process died.
        """
        if len(text) > MAX_CHARACTERS:
            raise HeftError(
                tr(
                    "The text has {text:,} characters; at most {max_characters:,} are split here.",
                    text=len(text),
                    max_characters=MAX_CHARACTERS,
                ),
                tr("Use a shorter piece of it."),
                kind=FailureKind.TOO_LONG,
            )
        found = self._asked(inspected, Tokenize(text, add_special, parse_special), cancelled)
        assert isinstance(found, Tokens)
        return found.tokens

    def count(self, inspected: Inspected, texts: Sequence[str], cancelled: Cancelled = never) -> tuple[int, ...]:
        """How many tokens each text has, of any length. Raises as :meth:`tokenize` does."""
        found = self._asked(inspected, Count(tuple(texts)), cancelled, seconds=COUNT_SECONDS)
        assert isinstance(found, Counts)
        return found.tokens

    def beginning(self, inspected: Inspected, text: str, tokens: int, cancelled: Cancelled = never) -> int:
        """How many characters of a text its first ``tokens`` are. Raises as :meth:`tokenize` does."""
        found = self._asked(inspected, Cut(text, tokens), cancelled, seconds=COUNT_SECONDS)
        assert isinstance(found, Beginning)
        return found.characters

    def close(self) -> None:
        """End the process, if any; waits for a call that runs."""
        self._idle.close()

    def _asked(
        self, inspected: Inspected, request: Request, cancelled: Cancelled, seconds: float = LOAD_SECONDS
    ) -> Answer:
        with self._idle, self._lock:
            try:
                return self._ask(inspected, request, cancelled, seconds)
            except HeftError as error:
                self._loaded = None
                if error.kind != FailureKind.NOT_LOADED:
                    raise
            return self._ask(inspected, request, cancelled, seconds)  # the process was replaced since the last call

    def _ask(self, inspected: Inspected, request: Request, cancelled: Cancelled, seconds: float) -> Answer:
        if self._loaded is None or self._loaded() is not inspected:
            self._load(inspected, cancelled)
        found: Answer = self._tool.call(request, deadline_seconds=seconds, cancelled=cancelled)
        return found

    def _load(self, inspected: Inspected, cancelled: Cancelled) -> None:
        self._loaded = None
        header = inspected.header
        try:
            self._load_as(header, header.architecture, cancelled)
        except HeftError as error:
            if _UNKNOWN_ARCHITECTURE not in error.detail:
                raise
            self._load_as(header, _KNOWN_ARCHITECTURE, cancelled)
        self._loaded = weakref.ref(inspected)

    def _load_as(self, header: Header, architecture: str, cancelled: Cancelled) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with scratch_file(self._folder, ".gguf") as path:
            with path.open("wb") as file:
                file.writelines(vocabulary_file(header, architecture))
            self._tool.call(Load(str(path)), deadline_seconds=LOAD_SECONDS, cancelled=cancelled)

    def _end(self) -> None:
        self._tool.close()
        with self._lock:
            self._loaded = None
