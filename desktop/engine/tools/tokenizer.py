"""The engine's real tokenizer in a process of its own: text to tokens while the chat's engine is busy.

A vocabulary comes from a stranger's file, and llama.cpp aborts on some that are malformed: then this process dies.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any

import msgspec

from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.core.progress import Progress, Report
from desktop.core.words import tr
from desktop.engine.helper_process import serve

MEMORY_BYTES = 3 << 30
_LOAD_MODE_NONE = 0  # LLAMA_LOAD_MODE_NONE: the file is read, not mapped, and may be removed afterwards
_TELL_EVERY = 200  # texts
_FLAGS = (("unknown", 1), ("unused", 2), ("normal", 4), ("control", 8), ("user-defined", 16), ("byte", 32))


class Load(msgspec.Struct, frozen=True, tag="load"):
    """Load the vocabulary of a GGUF file, instead of the former one."""

    path: str


class Tokenize(msgspec.Struct, frozen=True, tag="tokenize"):
    """Split a text. ``add_special`` adds BOS and EOS as the vocabulary asks; ``parse_special`` reads control tokens."""

    text: str
    add_special: bool
    parse_special: bool


class Count(msgspec.Struct, frozen=True, tag="count"):
    """Only say how many tokens each text has."""

    texts: tuple[str, ...]


class Cut(msgspec.Struct, frozen=True, tag="cut"):
    """Say how much of a text its first ``tokens`` are."""

    text: str
    tokens: int


class Loaded(msgspec.Struct, frozen=True, tag="loaded"):
    """The vocabulary's size, and whether it asks for BOS before and EOS after each text."""

    tokens: int
    adds_bos: bool


class Token(msgspec.Struct, frozen=True, array_like=True):
    """One token: its id, the bytes it stands for, and its type as the engine has it."""

    id: int
    piece: bytes
    kind: str


class Tokens(msgspec.Struct, frozen=True, tag="tokens"):
    """A text's tokens in order."""

    tokens: tuple[Token, ...]


class Counts(msgspec.Struct, frozen=True, tag="counts"):
    """Tokens of each text."""

    tokens: tuple[int, ...]


class Beginning(msgspec.Struct, frozen=True, tag="beginning"):
    """Characters of a text that are no more than so many tokens."""

    characters: int


Request = Load | Tokenize | Count | Cut
Answer = Loaded | Tokens | Counts | Beginning


class Vocabulary:
    """One loaded vocabulary at a time."""

    def __init__(self) -> None:
        import llama_cpp.llama_cpp as lib

        from desktop.engine.log import EngineLog

        self._lib: Any = lib
        self._log = EngineLog()
        self._callback = lib.llama_log_callback(self._log.on_log)
        lib.llama_log_set(self._callback, None)
        self._handle: Any = None
        self._vocab: Any = None

    def load(self, path: str) -> Loaded:
        """Raises EngineError when llama.cpp refuses the vocabulary."""
        if self._handle:
            self._lib.llama_model_free(self._handle)
        self._log.mark()
        params = self._lib.llama_model_default_params()
        params.vocab_only = True
        params.load_mode = _LOAD_MODE_NONE
        self._handle = self._lib.llama_model_load_from_file(os.fsencode(path), params)
        if not self._handle:
            raise EngineError(
                tr("The engine does not accept this tokenizer."),
                tr("Update the engine, or look for another copy of the model."),
                detail=self._log.since_mark,
                kind=FailureKind.BAD_TOKENIZER,
            )
        self._vocab = self._lib.llama_model_get_vocab(self._handle)
        return Loaded(
            tokens=self._lib.llama_vocab_n_tokens(self._vocab),
            adds_bos=bool(self._lib.llama_vocab_get_add_bos(self._vocab)),
        )

    def tokenize(self, request: Tokenize) -> Tokens:
        """Raises EngineError when no vocabulary is loaded or it cannot split text."""
        self._check_loaded()
        ids = self._ids(request)
        return Tokens(tuple(Token(token, self._piece(token), self._kind(token)) for token in ids))

    def count(self, request: Count, progress: Report) -> Counts:
        """Raises EngineError when no vocabulary is loaded."""
        self._check_loaded()
        counts: list[int] = []
        for text in request.texts:
            counts.append(self._length(text))
            if len(counts) % _TELL_EVERY == 0:
                progress(Progress(len(counts), len(request.texts)))
        return Counts(tuple(counts))

    def cut(self, request: Cut) -> Beginning:
        """Raises EngineError when no vocabulary is loaded."""
        self._check_loaded()
        raw = request.text.encode("utf-8", "replace")
        ids = self._ids(Tokenize(request.text, False, False))
        if len(ids) <= request.tokens:
            return Beginning(len(request.text))
        size = sum(len(self._piece(token)) for token in ids[: request.tokens])
        while True:  # some vocabularies put a space before the text, or write its words differently
            beginning = raw[:size].decode("utf-8", "ignore")
            over = self._length(beginning) - request.tokens
            if over <= 0 or not beginning:
                return Beginning(len(beginning))
            size = len(beginning.encode()) - over

    def _check_loaded(self) -> None:
        if not self._handle:
            raise EngineError(tr("No tokenizer is loaded."), tr("Open the model again."), kind=FailureKind.NOT_LOADED)

    def _length(self, text: str) -> int:
        return len(self._ids(Tokenize(text, False, False)))

    def _ids(self, request: Tokenize) -> list[int]:
        raw = request.text.encode("utf-8", "replace")
        return self._split(raw, len(raw) + 8, request)

    def _split(self, raw: bytes, size: int, request: Tokenize) -> list[int]:
        buffer = (self._lib.llama_token * size)()
        count = self._lib.llama_tokenize(
            self._vocab, raw, len(raw), buffer, size, request.add_special, request.parse_special
        )
        return list(buffer[:count]) if count >= 0 else self._split(raw, -count, request)

    def _piece(self, token: int) -> bytes:
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = self._lib.llama_token_to_piece(self._vocab, token, buffer, size, 0, True)
            if length >= 0:
                return bytes(buffer.raw[:length])
            size = -length

    def _kind(self, token: int) -> str:
        attributes = self._lib.llama_vocab_get_attr(self._vocab, token)
        return next((name for name, flag in _FLAGS if attributes & flag), "")


def main() -> None:
    """Serve until stdin closes."""
    vocabulary = Vocabulary()

    def answer(request: Request, progress: Report) -> Answer:
        match request:
            case Load():
                return vocabulary.load(request.path)
            case Tokenize():
                return vocabulary.tokenize(request)
            case Count():
                return vocabulary.count(request, progress)
            case Cut():
                return vocabulary.cut(request)

    serve(Request, answer, memory_bytes=MEMORY_BYTES)


if __name__ == "__main__":
    main()
