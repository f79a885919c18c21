"""Why a variant is recommended, what its neighbours would cost, what helps where nothing fits: values with figures.

The words are made by ``desktop.services.discover.reason_words``, the same for the window and the commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from desktop.core.choice_options import (
    LARGE,
    LONG_READING,
    NONE_MEASURABLE,
    SAME,
    Alternatives,
    Goal,
    Neighbour,
    Option,
    Reason,
    ReasonKind,
)
from desktop.core.placement import Placement
from desktop.core.variants import Variant

CLOSE_SHARE = 0.1  # a difference in speed below this is not worth a word


def stays(options: Sequence[Option], chosen: int) -> Reason:
    """Why an option that stays in one memory is the best there."""
    option = options[chosen]
    slower = any(_passed_for_speed(other, option) for other in options)
    kind = ReasonKind.BEST_THAT_STAYS_AND_ANSWERS if slower else ReasonKind.BEST_THAT_STAYS
    passed = any(_passed_for_room(other, option) for other in options)
    return replace(_about(kind, option, bytes_=option.spare_bytes), roomy=passed)


def only_one(options: Sequence[Option], chosen: int) -> Reason:
    """What there is to say where there is no choice."""
    option = options[chosen]
    kind = ReasonKind.ONLY_VARIANT if len(options) == 1 else ReasonKind.ONLY_ONE_THAT_FITS
    if sum(_loadable(other) for other in options) == 1 < len(options):
        kind = ReasonKind.ONLY_ONE_THAT_LOADS
    in_one_place = place_of(option) in ("gpu", "cpu")
    return _about(kind, option, bytes_=option.spare_bytes if in_one_place else 0)


def chosen_because(kind: ReasonKind, option: Option) -> Reason:
    """A reason with the option's own figures."""
    return _about(kind, option)


def _about(kind: ReasonKind, option: Option, *, bytes_: int = 0, context: int | None = None) -> Reason:
    """A reason about an option, at the context it was judged for unless another is named."""
    judged = option.fit.context if option.fit is not None else 0
    return Reason(kind, option, bytes_, context=judged if context is None else context)


def _loadable(option: Option) -> bool:
    return whole(option.variant) and not option.damaged


def _passed_for_speed(option: Option, chosen: Option) -> bool:
    """Whether a better one in the same memory was left aside because it is slower than a person reads."""
    return (
        option.runs
        and whole(option.variant)
        and place_of(option) == place_of(chosen)
        and option.severity < chosen.severity
        and not option.readable
        and chosen.readable
    )


def _passed_for_room(option: Option, chosen: Option) -> bool:
    """Whether a better one in the same memory was left aside because it only just fits."""
    alike = option.runs and whole(option.variant) and place_of(option) == place_of(chosen)
    return alike and option.severity < chosen.severity and option.tight and not chosen.tight


def caveats(option: Option, count: int) -> list[Reason]:
    """What has to be said besides: quality not measured, an older format, and how the memory is known."""
    assert option.fit is not None
    found = []
    if option.quality.here is not None:
        found.append(ReasonKind.MEASURED_HERE)
    if not option.quality.measured:
        found.append(ReasonKind.NOT_MEASURED)
    if option.variant.legacy and count > 1:
        found.append(ReasonKind.OLDER_FORMAT)
    if option.quality.severity_high is not None and option.severity >= LARGE:
        found.append(ReasonKind.LARGE_LOSS)
    found.append(ReasonKind.PLANNED_BY_ENGINE if option.fit.method == "engine" else ReasonKind.ESTIMATED)
    reasons = [_about(kind, option) for kind in found]
    reading = option.speeds.prompt_seconds if option.speeds is not None else None
    if reading is not None and reading >= LONG_READING:
        reasons.insert(0, replace(_about(ReasonKind.PROMPT_TIME, option), seconds=reading))
    return reasons


def neighbours_of(options: Sequence[Option], usable: Sequence[int], chosen: int, goal: Goal) -> tuple[Neighbour, ...]:
    """What the next better ones (two at most) and the next smaller one would mean."""
    here = options[chosen]
    better = sorted(
        (
            i
            for i, option in enumerate(options)
            if option.severity < here.severity and (option.fit is not None or not _loadable(option))
        ),
        key=lambda i: -options[i].severity,
    )
    smaller = sorted(
        (i for i in usable if options[i].severity > here.severity + SAME and _bytes(options[i]) < _bytes(here)),
        key=lambda i: options[i].severity,
    )
    telling = better[:1] if goal == "speed" else _telling(options, better)
    found = [Neighbour(i, _better(options[i], here)) for i in telling]
    found += [Neighbour(i, _compared(ReasonKind.SAVES, options[i], here)) for i in smaller[:1]]
    return tuple(found)


def _telling(options: Sequence[Option], better: Sequence[int]) -> list[int]:
    """The next better one, and the first that lies in another place than it."""
    first = better[:1]
    other = [i for i in better[1:] if first and place_of(options[i]) != place_of(options[first[0]])]
    return [*first, *other[:1]]


def _better(option: Option, here: Option) -> Reason:
    fit = option.fit
    if not whole(option.variant):
        return _about(ReasonKind.CANNOT_BE_LOADED, option)
    if fit is None:
        return _about(ReasonKind.DAMAGED, option)
    if not fit.fits:
        return _about(ReasonKind.TOO_LARGE, option, bytes_=fit.short_by_bytes)
    if option.severity < NONE_MEASURABLE and here.severity < NONE_MEASURABLE:
        return _compared(ReasonKind.BUYS_NOTHING_MEASURABLE, option, here)
    if fit.placement == "partial" and place_of(here) == "gpu":
        return replace(_compared(ReasonKind.SPILLS_LAYERS, option, here), layers=fit.layers - fit.gpu_layers)
    if fit.placement == "experts-in-ram" and place_of(here) != fit.placement:
        return _compared(ReasonKind.SPILLS_EXPERTS, option, here)
    if place_of(option) == place_of(here) and fit.placement in ("gpu", "cpu"):
        slow = _passed_for_speed(option, here) and option.rate is not None
        kind = ReasonKind.FITS_BUT_SLOW if slow else ReasonKind.FITS_TOO
        return replace(_compared(kind, option, here), bytes=max(0, option.spare_bytes))
    if _placed_alike(option, here):
        return _compared(ReasonKind.TAKES_MORE, option, here)
    return _compared(ReasonKind.RUNS_ELSEWHERE, option, here)


def _compared(kind: ReasonKind, option: Option, here: Option) -> Reason:
    """A reason with the difference in memory, and in speed where it is known and worth a word."""
    share = None
    if option.rate is not None and here.rate is not None and here.rate.expected > 0:
        share = option.rate.expected / here.rate.expected
    worth = share is not None and abs(share - 1) >= CLOSE_SHARE
    more = _bytes(option) - _bytes(here)
    found = _about(kind, option, bytes_=max(0, -more if kind is ReasonKind.SAVES else more))
    return replace(found, speed_share=share if worth else None)


def _placed_alike(option: Option, here: Option) -> bool:
    one, other = option.fit, here.fit
    if one is None or other is None or one.placement != other.placement:
        return False
    return one.placement != "partial" or (one.gpu_layers, one.layers) == (other.gpu_layers, other.layers)


def nothing_fits(options: Sequence[Option], alternatives: Alternatives) -> tuple[Reason, ...]:
    """Why there is no recommendation, and what would help."""
    judged = [option for option in options if option.fit is not None]
    if not options:
        return (Reason(ReasonKind.NO_VARIANTS),)
    if not judged:
        return (Reason(ReasonKind.NO_HEADER_READ),)
    smallest = min(judged, key=_bytes)
    fit = smallest.fit
    assert fit is not None
    if fit.fits:
        return (Reason(ReasonKind.NONE_CAN_BE_LOADED),)
    found = [_about(ReasonKind.NOTHING_FITS, smallest, bytes_=fit.short_by_bytes)]
    if alternatives.context:
        found.append(_about(ReasonKind.FITS_WITH_SHORTER_CONTEXT, smallest, context=alternatives.context))
    if alternatives.context_q8 and alternatives.context_q8 > (alternatives.context or 0):
        found.append(_about(ReasonKind.FITS_WITH_Q8_CACHE, smallest, context=alternatives.context_q8))
    found.append(Reason(ReasonKind.TAKE_SMALLER_MODEL, parameters=alternatives.parameters))
    return tuple(found)


def place_of(option: Option) -> Placement:
    """Where an option runs, "too-large" where it does not or where that is not known."""
    return option.fit.placement if option.fit is not None else "too-large"


def _bytes(option: Option) -> int:
    return option.fit.memory.total_bytes if option.fit is not None else option.variant.size_bytes


def whole(variant: Variant) -> bool:
    """Whether llama.cpp can load it as it is."""
    return not (variant.missing_shards or variant.unreadable)
