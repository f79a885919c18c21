"""Speculation: tokens are guessed cheaply and checked by the model in one step; what it costs and what it gives.

Kinds are llama.cpp's (0c1e57098, common/speculative.cpp): guesses are looked up in the conversation itself (n-gram), or
written by a small draft model, or by layers that the model's own file has for it (MTP, multi-token prediction).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

Speculation = Literal["off", "ngram", "draft", "mtp"]
SPECULATION_KINDS: tuple[Speculation, ...] = get_args(Speculation)

# Tokens guessed at a time. A draft model and MTP: llama.cpp's default. N-gram: measured on 2 cores with a model of
# 135M, CPU milliseconds a token while code is repeated / a story is written: off 13.2 / 12.2; 12 looked up and 16
# guessed 10.9 / 12.8; 8 and 8 11.0 / 13.3; 4 and 8 16.0 / 14.3; llama.cpp's 12 and 48 (ngram-simple) 16.1 / 17.6.
DRAFT_TOKENS = 3
NGRAM_TOKENS, NGRAM_LENGTH = 16, 12
_NGRAM_BYTES = 4 << 18  # ngram-map.h, COMMON_NGRAM_HASH_MAP_SIZE entries of 4 bytes; the list of keys is far smaller


def guessed_tokens(kind: Speculation) -> int:
    """How many tokens are guessed at once."""
    return {"off": 0, "ngram": NGRAM_TOKENS, "draft": DRAFT_TOKENS, "mtp": DRAFT_TOKENS}[kind]


def output_rows(kind: Speculation, slots: int = 1) -> int:
    """Rows of logits that one step may give: one for each slot, and one for each of its guesses
    (common_speculative_get_output_limits)."""
    return slots * (1 + guessed_tokens(kind))


def unlogged_bytes(kind: Speculation, vocabulary: int, embedding: int, batch: int, slots: int = 1) -> int:
    """Memory that speculation takes and of which llama.cpp's log says nothing, in main memory.

    The output buffer grows at the first guess, by a row of logits for each guess, and for MTP by a hidden row for each
    token of a batch and for the one output of its own context, and by what that one is sampled from
    (llama-context.cpp, output_reserve); n-grams keep a table.
    """
    rows = 4 * vocabulary * guessed_tokens(kind) * slots
    match kind:
        case "ngram":
            return rows + _NGRAM_BYTES * slots
        case "mtp":
            return rows + 4 * embedding * (batch + slots) + 12 * vocabulary * slots
    return rows


@dataclass(frozen=True)
class Speculating:
    """What was decided: the kind, and the draft model's file where it is one."""

    kind: Speculation = "off"
    draft: Path | None = None


NOT_SPECULATING = Speculating()


@dataclass(frozen=True)
class PlainSpeed:
    """How fast a model writes without speculation, as it was measured: what its gain is held against.

    ``seconds`` is what a token takes with an empty context (0: not measured), ``growth`` by what part of that it takes
    longer for each token in the context.
    """

    seconds: float = 0.0
    growth: float = 0.0

    @classmethod
    def measured(cls, rate: float, context_used: int, growth: float) -> PlainSpeed:
        """From a rate in tokens per second with so many tokens in the context."""
        return cls(1.0 / rate / (1.0 + growth * context_used), growth) if rate > 0 else cls(0.0, growth)

    def rate(self, context_used: int) -> float:
        """Tokens per second with so many tokens in the context; 0 where it was not measured."""
        return 1.0 / (self.seconds * (1.0 + self.growth * context_used)) if self.seconds > 0 else 0.0


UNMEASURED = PlainSpeed()


def gain(rate: float, plain: float) -> float | None:
    """By what part of the plain rate an answer was written faster (negative: slower); None where either is unknown."""
    return rate / plain - 1.0 if rate > 0 and plain > 0 else None
