"""A recommendation in words: reasons with figures, what neighbours would cost, what helps where nothing fits."""

from __future__ import annotations

from collections.abc import Sequence

from desktop.core.choice_options import LARGE, NONE_MEASURABLE, SAME, Alternatives, Goal, Neighbour, Option
from desktop.core.placement import Fit, Placement
from desktop.core.units import human_bytes
from desktop.core.variants import Variant

CLOSE_SHARE = 0.1  # a difference in speed below this is not worth a word


def stays(options: Sequence[Option], chosen: int) -> str:
    """Why an option that stays in one memory is the best there."""
    option = options[chosen]
    fit = option.fit
    assert fit is not None
    where = where_fast(option)
    spare = f", with {human_bytes(option.spare_bytes)} to spare" if option.spare_bytes > 0 else ""
    tight = ", though it is tight" if option.tight else ""
    slower = [other for other in options if _passed_for_speed(other, option)]
    reading = " and answers at reading speed" if slower else ""
    return (
        f"It is the best quality that stays {where} at {fit.context:,} tokens of context{reading}{spare}{tight}: "
        f"{loss_words(option)}{speed_words(option)}."
    )


def only_one(options: Sequence[Option], chosen: int) -> str:
    """What there is to say where there is no choice."""
    option = options[chosen]
    whole_ones = [other for other in options if _loadable(other)]
    first = "It is the only variant" if len(options) == 1 else "Only this variant fits"
    if len(whole_ones) == 1 < len(options):
        first = "Only this variant can be loaded"
    fit = option.fit
    assert fit is not None
    speed = speed_words(option).strip(" ()")
    slow = "" if option.readable else ", slower than a person reads"
    spare = f", with {human_bytes(option.spare_bytes)} to spare" if fit.placement in ("gpu", "cpu") else ""
    said = f"{first}: {placed(option)} at {fit.context:,} tokens of context{spare}"
    return f"{said}{f', {speed}' if speed else ''}{slow}. Its loss: {loss_words(option)}."


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


def caveats(option: Option, count: int) -> list[str]:
    """What has to be said besides: quality not measured, an older format, and how the memory is known."""
    fit = option.fit
    assert fit is not None
    said = []
    if not option.quality.measured:
        like = f"; it is ranked like {option.quality.like}" if option.quality.like else ""
        said.append(f"The loss of {name_of(option)} was never measured independently{like}.")
    if option.variant.legacy and count > 1:
        said.append(f"{name_of(option)} is an older format.")
    if option.quality.severity_high is not None and option.severity >= LARGE:
        said.append("So large a loss shows in the answers: a smaller model in 4 bits or more is usually better.")
    if fit.method == "engine":
        said.append("Memory figures are the engine's own plan of each file's header.")
    else:
        said.append(f"Memory figures are estimates, within about {fit.band:.0%}.")
    return said


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
    found += [Neighbour(i, _smaller(options[i], here)) for i in smaller[:1]]
    return tuple(found)


def _telling(options: Sequence[Option], better: Sequence[int]) -> list[int]:
    """The next better one, and the first that lies in another place than it."""
    first = better[:1]
    other = [i for i in better[1:] if first and place_of(options[i]) != place_of(options[first[0]])]
    return [*first, *other[:1]]


def _better(option: Option, here: Option) -> str:
    fit, name = option.fit, name_of(option)
    if not whole(option.variant):
        return f"{name} cannot be loaded as it is: {option.variant.note}"
    if fit is None:
        return f"{name} is damaged."
    if not fit.fits:
        return f"{name} is too large by {human_bytes(fit.short_by_bytes)}."
    slower = _compared(option, here)
    if option.severity < NONE_MEASURABLE and here.severity < NONE_MEASURABLE:
        more = human_bytes(_bytes(option) - _bytes(here))
        return f"{name} would take {more} more and buy nothing measurable."
    if fit.placement == "partial" and here.fit is not None and here.fit.placement == "gpu":
        moved = fit.layers - fit.gpu_layers
        return f"{name} would push {moved} layer{'s' * (moved != 1)} to main memory{_and_run(slower)}."
    if fit.placement == "experts-in-ram" and place_of(here) != fit.placement:
        return f"{name} would keep experts in main memory{_and_run(slower)}."
    if place_of(option) == place_of(here) and fit.placement in ("gpu", "cpu"):
        tight = "only just fits" if option.tight else "fits too"
        speed = f", and would run {slower}" if slower else ""
        if _passed_for_speed(option, here) and option.rate is not None:
            speed = f", but would run at {_rate(option.rate.expected)}, slower than a person reads"
        return f"{name} {tight}, with {human_bytes(max(0, option.spare_bytes))} to spare{speed}."
    if placed(option) == placed(here):
        return f"{name} would take {human_bytes(max(0, _bytes(option) - _bytes(here)))} more{_and_run(slower)}."
    return f"{name} would run {placed(option)}" + (f", {slower}." if slower else ".")


def _smaller(option: Option, here: Option) -> str:
    saved = human_bytes(_bytes(here) - _bytes(option))
    speed = _and_run(_compared(option, here))
    return f"{name_of(option)} would save {saved}{speed}, at a loss that is {loss_words(option)}."


def _compared(option: Option, here: Option) -> str:
    """How quick it is beside the chosen one; "" where that is unknown or about the same."""
    if option.rate is None or here.rate is None or here.rate.expected <= 0:
        return ""
    share = option.rate.expected / here.rate.expected
    if abs(share - 1) < CLOSE_SHARE:
        return ""
    speed = _rate(option.rate.expected)
    return f"at less than half the speed ({speed})" if share < 0.5 else f"at {speed}"


def _rate(expected: float) -> str:
    return f"{expected:.0f} tok/s" if expected >= 10 else f"{expected:.1f} tok/s"


def _and_run(speed: str) -> str:
    return f" and run {speed}" if speed else ""


def nothing_fits(options: Sequence[Option], alternatives: Alternatives) -> tuple[str, ...]:
    judged = [option for option in options if option.fit is not None]
    if not options:
        return ("There is no GGUF model in this repo.",)
    if not judged:
        return ("No header of this repo could be read, so nothing can be said about its memory.",)
    smallest = min(judged, key=_bytes)
    fit = smallest.fit
    assert fit is not None
    if fit.fits:
        return ("What fits cannot be loaded as it is; look for another repo of the same model.",)
    said = [
        f"Nothing fits at {fit.context:,} tokens of context: {name_of(smallest)}, the smallest, needs "
        f"{human_bytes(_bytes(smallest))} and is too large by {human_bytes(fit.short_by_bytes)}."
    ]
    if alternatives.context:
        said.append(f"With a context of {alternatives.context:,} tokens {name_of(smallest)} would fit.")
    if alternatives.context_q8 and alternatives.context_q8 > (alternatives.context or 0):
        said.append(f"With the KV cache in q8_0 it would fit up to {alternatives.context_q8:,} tokens.")
    if alternatives.parameters:
        said.append(
            f"Otherwise take a smaller model of the family: up to about {_billions(alternatives.parameters)} in 4 bits."
        )
    else:
        said.append("Otherwise take a smaller model of the family, or another repo that has smaller variants.")
    return tuple(said)


def _billions(parameters: float) -> str:
    return f"{parameters / 1e9:.0f} B parameters" if parameters >= 2e9 else f"{parameters / 1e9:.1f} B parameters"


def name_of(option: Option) -> str:
    return option.variant.name


def place_of(option: Option) -> Placement:
    return option.fit.placement if option.fit is not None else "too-large"


def _bytes(option: Option) -> int:
    return option.fit.memory.total_bytes if option.fit is not None else option.variant.size_bytes


def where_fast(option: Option) -> str:
    """The fastest memory an option could be in, in words."""
    if place_of(option) == "cpu" or option.fit is None:
        return "in main memory"
    several = sum(pool.device > 0 for pool in option.fit.pools) > 1
    return "entirely in the GPUs' memory" if several else "entirely in the GPU's memory"


def placed(option: Option) -> str:
    """Where it runs, in words."""
    return placement_words(option.fit) if option.fit is not None else "unknown"


def placement_words(fit: Fit) -> str:
    """A verdict in words: ``all on GPU``, ``31 of 36 layers on GPU``, ``too large by 10.2 GB``."""
    match fit.placement:
        case "gpu":
            return "all on GPU"
        case "partial":
            return f"{fit.gpu_layers} of {fit.layers} layers on GPU"
        case "experts-in-ram":
            return "experts in RAM"
        case "cpu":
            return "CPU only"
    return f"too large by {human_bytes(fit.short_by_bytes)}"


def loss_words(option: Option) -> str:
    quality = option.quality
    if not quality.measured:
        return f"not measured, like {quality.like_label}" if quality.like else "not measured"
    return quality.label if quality.label != "none measurable" else "not measurable"


def speed_words(option: Option) -> str:
    if option.rate is None:
        return ""
    return f" (about {option.rate.expected:.0f} tok/s)" if option.rate.expected >= 1 else " (below 1 tok/s)"


def whole(variant: Variant) -> bool:
    """Whether llama.cpp can load it as it is."""
    return not (variant.missing_shards or variant.unreadable)
