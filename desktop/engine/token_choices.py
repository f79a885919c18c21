"""What a model could have written in the place of a token: each with its probability, before anything was left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec


class TokenChoice(msgspec.Struct, frozen=True):
    """A token that was written. ``probability`` is 0 to 1; ``others`` are the likeliest, itself often among them.

    ``raw`` are its bytes, which need not be whole characters.
    """

    text: str
    probability: float
    others: tuple[tuple[str, float], ...] = ()
    raw: bytes = b""


def token_choices(entries: Sequence[dict[str, Any]]) -> tuple[TokenChoice, ...]:
    """llama.cpp's ``completion_probabilities`` (tools/server/README.md); what has another form is skipped."""
    found = []
    for entry in entries:
        others = entry.get("top_logprobs", ())
        likeliest = tuple(_named(other) for other in others if isinstance(other, dict)) if others else ()
        text, probability = _named(entry)
        found.append(TokenChoice(text, probability, likeliest, _raw(entry, text)))
    return tuple(found)


def _named(entry: dict[str, Any]) -> tuple[str, float]:
    text, logprob = entry.get("token", ""), entry.get("logprob")
    probability = math.exp(min(0.0, logprob)) if isinstance(logprob, int | float) else 0.0
    return (text if isinstance(text, str) else ""), probability


def _raw(entry: dict[str, Any], text: str) -> bytes:
    told = entry.get("bytes")
    whole = isinstance(told, list) and all(isinstance(value, int) and 0 <= value < 256 for value in told)
    return bytes(told) if whole and told else text.encode()
