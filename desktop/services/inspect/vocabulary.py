"""A model's vocabulary as the file has it: pages of tokens, a search over all of them, the special ones named."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from desktop.core.cancelled import Cancelled, never
from desktop.core.gguf import Array, Header, ValueType
from desktop.core.gguf.values import CODES
from desktop.core.progress import Progress, Report, unheard
from desktop.core.text import token_piece
from desktop.core.token_text import decoded
from desktop.core.words import tr

TYPES = {1: "normal", 2: "unknown", 3: "control", 4: "user-defined", 5: "unused", 6: "byte"}
_CHUNK = 1024  # tokens read at a time: the distance of the positions an Array remembers

_SPECIAL = {
    "bos": "BOS", "eos": "EOS", "eot": "EOT", "eom": "EOM", "unknown": "UNK", "seperator": "SEP", "padding": "PAD",
    "cls": "CLS", "mask": "MASK", "fim_pre": tr("FIM prefix"), "fim_suf": tr("FIM suffix"), "fim_mid": tr("FIM middle"),
    "fim_pad": tr("FIM pad"), "fim_rep": tr("FIM repository"), "fim_sep": tr("FIM separator"),
    "prefix": tr("FIM prefix"), "suffix": tr("FIM suffix"), "middle": tr("FIM middle"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class VocabularyToken:
    """One token: as stored, as it reads (white space visible), its type in words, its score if there are scores."""

    id: int
    stored: str
    shown: str
    type: str
    score: float | None


@dataclass(frozen=True)
class SpecialToken:
    """A token with a role, such as EOS; ``text`` is "" when the id lies outside the vocabulary."""

    name: str
    id: int
    text: str


class Vocabulary:
    """Reads the arrays of one header on demand. What reads takes time and may raise OSError: not on the GUI thread."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._tokens = _of_strings(header.array("tokenizer.ggml.tokens"))
        self._types = _of_numbers(header.array("tokenizer.ggml.token_type"))
        self._scores = _of_numbers(header.array("tokenizer.ggml.scores"))
        self.model = header.string("tokenizer.ggml.model")
        self.pre = header.string("tokenizer.ggml.pre")

    @property
    def size(self) -> int:
        """Tokens in the vocabulary."""
        return len(self._tokens) if self._tokens is not None else 0

    @property
    def merges(self) -> int:
        """Merge rules of a byte-pair tokenizer."""
        merges = self._header.array("tokenizer.ggml.merges")
        return len(merges) if merges is not None else 0

    @property
    def has_scores(self) -> bool:
        """Whether tokens carry scores."""
        return self._scores is not None

    def special(self) -> list[SpecialToken]:
        """The tokens with a role, as the metadata name them."""
        found = []
        for name, title in _SPECIAL.items():
            token = self._header.integer(f"tokenizer.ggml.{name}_token_id")
            if token is not None:
                inside = self._tokens is not None and 0 <= token < self.size
                text = self._tokens.strings(token, token + 1)[0] if inside and self._tokens is not None else ""
                found.append(SpecialToken(title, token, text))
        return found

    def read(self, ids: Sequence[int]) -> list[VocabularyToken]:
        """These tokens; ``ids`` ascend."""
        found: list[VocabularyToken] = []
        for _, group in groupby(ids, lambda token: token // _CHUNK):
            wanted = list(group)
            first, last = wanted[0], wanted[-1] + 1
            stored = self._tokens.strings(first, last) if self._tokens is not None else []
            types, scores = _numbers(self._types, first, last), _numbers(self._scores, first, last)
            for token in wanted:
                place = token - first
                kind = types[place] if place < len(types) else None
                found.append(
                    VocabularyToken(
                        id=token,
                        stored=stored[place],
                        shown=token_piece(decoded(stored[place], self.model)),
                        type=TYPES.get(int(kind), f"type {kind}") if kind is not None else "",
                        score=scores[place] if place < len(scores) else None,
                    )
                )
        return found

    def search(
        self,
        text: str,
        kind: str = "",
        *,
        progress: Report = unheard,
        cancelled: Cancelled = never,
    ) -> array[int]:
        """Ids of the tokens of type ``kind`` ("" is any) that contain ``text``, as stored or as shown, in any case.

        A number finds the token of that id too.
        """
        wanted = text.casefold()
        found = array("L")
        number = int(text) if text.isdecimal() and len(text) < 10 else -1
        for first in range(0, self.size, _CHUNK):
            if cancelled():
                break
            for token in self.read(range(first, min(first + _CHUNK, self.size))):
                if kind and token.type != kind:
                    continue
                if token.id == number or wanted in token.stored.casefold() or wanted in token.shown.casefold():
                    found.append(token.id)
            progress(Progress(first, self.size, "tokens"))
        return found


def _of_strings(found: Array | None) -> Array | None:
    return found if found is not None and found.type is ValueType.STRING else None


def _of_numbers(found: Array | None) -> Array | None:
    return found if found is not None and found.type in CODES else None


def _numbers(found: Array | None, first: int, last: int) -> list[int | float]:
    return found.numbers(first, last) if found is not None and first < len(found) else []
