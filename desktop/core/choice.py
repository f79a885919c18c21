"""Which variant to take: one recommendation per goal, with its reasons and what the neighbours would cost.

Pure: the same options always give the same answer. ``tests/core/choices.csv`` shows what is chosen on which machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from desktop.core.choice_options import (
    LARGE,
    NONE_MEASURABLE,
    PLACES,
    SAME,
    SPILLED_SHARE,
    Alternatives,
    Goal,
    Neighbour,
    Option,
    Reason,
    ReasonKind,
    Recommendation,
)
from desktop.core.choice_reasons import (
    CLOSE_SHARE,
    caveats,
    chosen_because,
    neighbours_of,
    nothing_fits,
    only_one,
    place_of,
    stays,
    whole,
)
from desktop.core.quality import NOTICEABLE, REFERENCES

__all__ = [
    "Alternatives",
    "Goal",
    "Neighbour",
    "Option",
    "Reason",
    "ReasonKind",
    "Recommendation",
    "least_loss",
    "recommend",
]


def recommend(options: Sequence[Option], goal: Goal, alternatives: Alternatives | None = None) -> Recommendation:
    """The option to take for ``goal``; options may come in any order, ties go to the smaller download."""
    usable = [index for index, option in enumerate(options) if option.runs and whole(option.variant)]
    if not usable:
        return Recommendation(goal, None, nothing_fits(options, alternatives or Alternatives()))
    if len(usable) == 1:
        chosen, first = usable[0], only_one(options, usable[0])
    else:
        chosen, first = _CHOOSERS[goal](options, usable)
    reasons = [first, *caveats(options[chosen], len(options))]
    return Recommendation(goal, chosen, tuple(reasons), neighbours_of(options, usable, chosen, goal))


def least_loss(options: Sequence[Option], indices: Sequence[int]) -> int:
    """The least loss; of those that cannot be told apart the measured, newer, faster, smaller one. The form a model was
    published in is no measurement: it does not go before what loses as little in half the bytes.

    Where nothing is known of any, the largest file is taken: more bits were never worse.
    """
    if all(options[i].quality.severity_high is None for i in indices):
        return max(indices, key=lambda i: (options[i].variant.size_bytes, -i))
    best = min(options[i].severity for i in indices)
    end = NONE_MEASURABLE if best < NONE_MEASURABLE else best + SAME
    alike = [i for i in indices if options[i].severity < end or options[i].severity == best]
    return min(
        alike,
        key=lambda i: (
            not options[i].quality.measured or options[i].variant.quantization in REFERENCES,
            options[i].variant.legacy,
            options[i].variant.size_bytes,
            options[i].variant.name,
        ),
    )


# -- the three goals -------------------------------------------------------------------------------


def _balanced(options: Sequence[Option], usable: Sequence[int]) -> tuple[int, Reason]:
    best_place = min((place_of(options[i]) for i in usable), key=PLACES.index)
    fast = [i for i in usable if place_of(options[i]) == best_place]
    if best_place in ("gpu", "cpu"):
        for most, tight in ((NOTICEABLE, False), (NOTICEABLE, True), (LARGE, False), (LARGE, True)):
            good = [
                i
                for i in fast
                if options[i].severity < most and (tight or not options[i].tight) and options[i].readable
            ]
            if good:
                chosen = least_loss(options, good)
                return chosen, stays(options, chosen)
    readable = _not_too_slow(options, [i for i in usable if options[i].severity < LARGE])
    if readable:
        chosen = least_loss(options, readable)
        return chosen, chosen_because(ReasonKind.LEAST_LOSS_FOR_SPEED, options[chosen])
    chosen = _about_fastest(options, _acceptable(options, fast))
    return chosen, chosen_because(ReasonKind.ABOUT_QUICKEST, options[chosen])


def _quality(options: Sequence[Option], usable: Sequence[int]) -> tuple[int, Reason]:
    readable = [i for i in usable if options[i].readable and options[i].severity < LARGE]
    if readable:
        chosen = least_loss(options, readable)
        return chosen, chosen_because(ReasonKind.LEAST_LOSS_AT_READING_SPEED, options[chosen])
    chosen = _about_fastest(options, _acceptable(options, usable))
    return chosen, chosen_because(ReasonKind.CLOSEST_TO_READING_SPEED, options[chosen])


def _speed_first(options: Sequence[Option], usable: Sequence[int]) -> tuple[int, Reason]:
    good = [i for i in usable if options[i].severity < NOTICEABLE]
    if good:
        chosen = _fastest(options, good)
        return chosen, chosen_because(ReasonKind.FASTEST_NOT_NOTICEABLE, options[chosen])
    chosen = least_loss(options, usable)
    return chosen, chosen_because(ReasonKind.ALL_NOTICEABLE, options[chosen])


_CHOOSERS: dict[Goal, Callable[[Sequence[Option], Sequence[int]], tuple[int, Reason]]] = {
    "balanced": _balanced,
    "quality": _quality,
    "coding": _quality,  # at a context that code needs
    "speed": _speed_first,
}


def _fastest(options: Sequence[Option], indices: Sequence[int]) -> int:
    """The quickest; where no speed is known, the one in the fastest memory with the fewest bytes to read."""

    def order(i: int) -> tuple[float, int, int]:
        rate = options[i].rate
        return (-(rate.expected if rate else 0.0), PLACES.index(place_of(options[i])), options[i].variant.size_bytes)

    return min(indices, key=order)


def _acceptable(options: Sequence[Option], indices: Sequence[int]) -> Sequence[int]:
    """Those whose loss is below noticeable; where there are none, below large; else those that lose the least: below
    2 bits more speed is of no use."""
    for end in (NOTICEABLE, LARGE):
        good = [i for i in indices if options[i].severity < end]
        if good:
            return good
    least = min(options[i].severity for i in indices)
    known = [i for i in indices if options[i].quality.severity_high is not None]
    return [i for i in known if options[i].severity < least + SAME] or indices


def _not_too_slow(options: Sequence[Option], indices: Sequence[int]) -> list[int]:
    """Those at reading speed and not far below the quickest whose loss is not yet noticeable."""
    rates = [options[i].rate for i in indices if options[i].severity < NOTICEABLE]
    best = max((rate.expected for rate in rates if rate is not None), default=0.0)
    return [
        i
        for i in indices
        if options[i].readable and ((rate := options[i].rate) is None or rate.expected >= SPILLED_SHARE * best)
    ]


def _about_fastest(options: Sequence[Option], indices: Sequence[int]) -> int:
    """The least loss of those that are about as quick as the quickest: predictions tell them apart no better."""
    quickest = options[_fastest(options, indices)].rate
    if quickest is None:
        return _fastest(options, indices)
    close = []
    for i in indices:
        rate = options[i].rate
        if rate is not None and rate.expected >= (1 - CLOSE_SHARE) * quickest.expected:
            close.append(i)
    return least_loss(options, close)
