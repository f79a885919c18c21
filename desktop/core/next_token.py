"""Where two answers part, and what each model held for likely there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_BEFORE = 40  # characters that are told of what both wrote alike
_AFTER = 60  # and of what each went on with
_SHOWN = 8  # likeliest tokens that are told


@dataclass(frozen=True)
class NextToken:
    """A token's text ("" for the end of the answer) and its probability, 0 to 1."""

    text: str
    probability: float


@dataclass(frozen=True)
class Difference:
    """Where two answers part: ``at`` characters from the beginning, after ``alike``, one goes on with each text."""

    at: int
    alike: str
    texts: tuple[str, str]


@dataclass(frozen=True)
class Thought:
    """What one model held of the place where two answers part: ``own`` is the token that it wrote, ``other`` how its
    vocabulary begins what the other one wrote. A probability is None where the token is not among those that were told:
    it is below that of the least of them. ``tokens`` are the likeliest."""

    begun: str
    own: str
    own_probability: float | None
    other: str
    other_probability: float | None
    tokens: tuple[NextToken, ...]


def first_difference(first: str, second: str) -> Difference | None:
    """Where two texts part; None where they are the same. A text that ends before the other parts at its end."""
    if first == second:
        return None
    at = _parting(first, second)
    return Difference(at, first[max(0, at - _BEFORE) : at], (first[at : at + _AFTER], second[at : at + _AFTER]))


def pieces_before(own: Sequence[str], other: str) -> int | None:
    """How many of the pieces of one answer stand before the one in which the text of the other parts from it; all of
    them where that one ended there. None where both are the same."""
    text = "".join(own)
    if text == other:
        return None
    at, end = _parting(text, other), 0
    for number, piece in enumerate(own):
        end += len(piece)
        if end > at:
            return number
    return len(own)


def thought(own: Sequence[str], other: str, before: int, tokens: Sequence[NextToken]) -> Thought:
    """``tokens`` were likely after ``before`` pieces of the own answer; ``other`` is all that the other model wrote."""
    begun = "".join(own[:before])
    rest = other[len(begun) :]
    mine = own[before] if before < len(own) else ""
    its = max((one.text for one in tokens if one.text and rest.startswith(one.text)), key=len, default=rest[:_SHOWN])
    return Thought(
        begun[-_BEFORE:], mine, _of(tokens, mine), its, _of(tokens, its), tuple(tokens[:_SHOWN])
    )  # fmt: skip


def _of(tokens: Sequence[NextToken], text: str) -> float | None:
    return next((one.probability for one in tokens if one.text == text), None)


def _parting(first: str, second: str) -> int:
    shorter = min(len(first), len(second))
    return next((place for place in range(shorter) if first[place] != second[place]), shorter)
