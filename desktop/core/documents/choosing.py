"""Which pieces of some documents go with a question: the best by one or more rankings, as far as tokens go."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice
from operator import mul

from desktop.core.documents.pieces import Piece

_RANK = 60  # reciprocal rank fusion's constant (Cormack, Clarke and Büttcher 2009)


def unit(vector: Sequence[float]) -> tuple[float, ...]:
    """A vector of the same direction and of length 1; one of no length stays so."""
    length = math.hypot(*vector) or 1.0
    return tuple(value / length for value in vector)


def closeness(vectors: Sequence[Sequence[float]], to: Sequence[float]) -> list[float]:
    """The cosine of each unit vector's angle to another one."""
    return [sum(map(mul, vector, to)) for vector in vectors]


def best_of(scores: Sequence[float], sizes: Sequence[int]) -> list[float]:
    """The best score of each group, of so many scores in a row; 0 of an empty one."""
    left = iter(scores)
    return [max(islice(left, size), default=0.0) for size in sizes]


def fused(*rankings: Sequence[float]) -> list[int]:
    """Numbers of what was scored, best first: by the sum of the reciprocal ranks that each scoring gives.

    A score of 0 or less is no match and gives no rank; what no scoring matches is left out.
    """
    totals: dict[int, float] = {}
    for scores in rankings:
        order = sorted((number for number, score in enumerate(scores) if score > 0), key=lambda n: (-scores[n], n))
        for rank, number in enumerate(order, 1):
            totals[number] = totals.get(number, 0.0) + 1 / (_RANK + rank)
    return sorted(totals, key=lambda number: (-totals[number], number))


def chosen(pieces: Sequence[Piece], order: Sequence[int], tokens: int) -> list[int]:
    """As many of the first of ``order`` as ``tokens`` hold, in the order in which they stand in their documents.

    One that does not fit is left out, and a later, shorter one may still go in.
    """
    taken: list[int] = []
    for number in order:
        if pieces[number].tokens <= tokens:
            taken.append(number)
            tokens -= pieces[number].tokens
    return sorted(taken)
