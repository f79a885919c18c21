"""The reasons for a choice in words, the same in the window and on the command line."""

from __future__ import annotations

from desktop.core.choice import Option, Reason, ReasonKind, Recommendation
from desktop.core.choice_options import READING_SPEED
from desktop.core.choice_reasons import place_of
from desktop.core.units import human_bytes, human_left, human_time
from desktop.core.words import counted
from desktop.services.discover.picker_words import kld_text
from desktop.services.planning.words import placement_words


def paragraph(answer: Recommendation) -> str:
    """All of it: why this one, what its neighbours would mean, what has to be said besides."""
    ordered = (*answer.reasons[:1], *(neighbour.reason for neighbour in answer.neighbours), *answer.reasons[1:])
    return " ".join(map(sentence, ordered))


def reasons_of(answer: Recommendation) -> tuple[Reason, ...]:
    """All of it, the neighbours last: the order of the headless contract."""
    return (*answer.reasons, *(neighbour.reason for neighbour in answer.neighbours))


def sentence(reason: Reason) -> str:
    """One reason, with its figures."""
    if reason.option is None:
        return _without_option(reason)
    option, kind = reason.option, reason.kind
    name, loss, speed = option.variant.name, _loss(option), _speed(option)
    match kind:
        case ReasonKind.BEST_THAT_STAYS | ReasonKind.BEST_THAT_STAYS_AND_ANSWERS:
            reading = " and answers at reading speed" if kind is ReasonKind.BEST_THAT_STAYS_AND_ANSWERS else ""
            room = " with room to spare" if reason.roomy else ""
            return (
                f"It is the best quality that stays {_fast_memory(option)}{room} at {reason.context:,} tokens of "
                f"context{reading}: {_taken(option)}. Its loss: {loss}{speed}."
            )
        case ReasonKind.ONLY_VARIANT | ReasonKind.ONLY_ONE_THAT_FITS | ReasonKind.ONLY_ONE_THAT_LOADS:
            return _only(reason, option)
        case ReasonKind.LEAST_LOSS_FOR_SPEED:
            return (
                f"Nothing with an acceptable loss stays {_fast_memory(option)}; {name} loses the least without giving "
                f"up much speed{speed}: {_placed(option)}, {loss}."
            )
        case ReasonKind.ABOUT_QUICKEST:
            return f"{_too_slow(reason)}; {name} is about the quickest{speed}."
        case ReasonKind.LEAST_LOSS_AT_READING_SPEED:
            reading = " and answers at reading speed" if option.rate is not None else ""
            return f"It loses the least of what fits{reading}{speed}: {loss}, {_placed(option)}."
        case ReasonKind.CLOSEST_TO_READING_SPEED:
            return f"{_too_slow(reason)}; {name} comes closest{speed} at an acceptable loss: {loss}."
        case ReasonKind.FASTEST_NOT_NOTICEABLE:
            return f"It is the fastest whose loss is not yet noticeable{speed}: {loss}, {_placed(option)}."
        case ReasonKind.ALL_NOTICEABLE:
            return f"All that fits loses noticeably; this one loses the least: {loss}."
    return _besides(reason, option)


def _too_slow(reason: Reason) -> str:
    """What is decided is decided by a full context, which the speed of an empty one may be far above."""
    return (
        f"Once all {reason.context:,} tokens are used, nothing here answers at reading speed ({READING_SPEED:.0f} "
        "tok/s) without a large loss"
    )


def _taken(option: Option) -> str:
    """How much of what is free it takes where it goes; the three figures add up."""
    used, free = option.used_of_free
    left = f"leaves {human_left(free, used)}{', which is tight' if option.tight else ''}"
    return f"it takes {human_bytes(used)} of the {human_bytes(free)} free there and {left}"


def _only(reason: Reason, option: Option) -> str:
    first = {
        ReasonKind.ONLY_VARIANT: "It is the only variant",
        ReasonKind.ONLY_ONE_THAT_FITS: "Only this variant fits",
        ReasonKind.ONLY_ONE_THAT_LOADS: "Only this variant can be loaded",
    }[reason.kind]
    speed = _speed(option).strip(" ()")
    slow = "" if option.readable else ", slower than a person reads"
    taken = f"; {_taken(option)}" if place_of(option) in ("gpu", "cpu") else ""
    said = f"{first}: {_placed(option)} at {reason.context:,} tokens of context{taken}"
    return f"{said}{f', {speed}' if speed else ''}{slow}. Its loss: {_loss(option)}."


def _besides(reason: Reason, option: Option) -> str:
    """Caveats, and what would help where nothing fits."""
    name = option.variant.name
    match reason.kind:
        case ReasonKind.NOT_MEASURED:
            like = f"; it is ranked like {option.quality.like}" if option.quality.like else ""
            return f"The loss of {name} was never measured independently{like}."
        case ReasonKind.OLDER_FORMAT:
            return f"{name} is an older format."
        case ReasonKind.LARGE_LOSS:
            return "So large a loss shows in the answers: a smaller model in 4 bits or more is usually better."
        case ReasonKind.PROMPT_TIME:
            time = human_time(reason.seconds)
            return f"A question that fills the {reason.context:,} tokens takes about {time} to read before the answer."
        case ReasonKind.MEASURED_HERE:
            here = option.quality.here
            found = f" on {here.text}: mean KL divergence {kld_text(here.kld)} from {here.reference}" if here else ""
            return f"Its loss was measured here{found}."
        case ReasonKind.PLANNED_BY_ENGINE:
            return "Memory figures are the engine's own plan of each file's header."
        case ReasonKind.ESTIMATED:
            return f"Memory figures are estimates, within about {option.fit.band if option.fit else 0:.0%}."
        case ReasonKind.NOTHING_FITS:
            needed = option.fit.memory.total_bytes if option.fit else option.variant.size_bytes
            return (
                f"Nothing fits at {reason.context:,} tokens of context: {name}, the smallest, needs "
                f"{human_bytes(needed)} and is too large by {human_bytes(reason.bytes)}."
            )
        case ReasonKind.FITS_WITH_SHORTER_CONTEXT:
            return f"With a context of {reason.context:,} tokens {name} would fit."
        case ReasonKind.FITS_WITH_Q8_CACHE:
            return f"With the KV cache in q8_0 it would fit up to {reason.context:,} tokens."
    return _neighbour(reason, option)


def _neighbour(reason: Reason, option: Option) -> str:
    name, size, slower = option.variant.name, human_bytes(reason.bytes), _slower(reason, option)
    run = f" and run {slower}" if slower else ""
    match reason.kind:
        case ReasonKind.CANNOT_BE_LOADED:
            return f"{name} cannot be loaded as it is: {option.variant.note}"
        case ReasonKind.DAMAGED:
            return f"{name} is damaged."
        case ReasonKind.TOO_LARGE:
            return f"{name} is too large by {size}."
        case ReasonKind.BUYS_NOTHING_MEASURABLE:
            return f"{name} would take {size} more and buy nothing measurable."
        case ReasonKind.SPILLS_LAYERS:
            return f"{name} would push {counted(reason.layers, 'layer')} to main memory{run}."
        case ReasonKind.SPILLS_EXPERTS:
            return f"{name} would keep experts in main memory{run}."
        case ReasonKind.FITS_TOO | ReasonKind.FITS_BUT_SLOW:
            tight = "only just fits" if option.tight else "fits too"
            speed = f", and would run {slower}" if slower else ""
            if reason.kind is ReasonKind.FITS_BUT_SLOW and option.rate is not None:
                speed = f", but would run at {_rate(option.rate.expected)}, slower than a person reads"
            used, free = option.used_of_free
            return f"{name} {tight} and leaves {human_left(free, max(0, used))}{speed}."
        case ReasonKind.TAKES_MORE:
            return f"{name} would take {size} more{run}."
        case ReasonKind.RUNS_ELSEWHERE:
            return f"{name} would run {_placed(option)}{f', {slower}' if slower else ''}."
        case ReasonKind.SAVES:
            return f"{name} would save {size}{run}, at a loss that is {_loss(option)}."
    raise ValueError(reason.kind)


def _without_option(reason: Reason) -> str:
    match reason.kind:
        case ReasonKind.NO_VARIANTS:
            return "There is no GGUF model in this repo."
        case ReasonKind.NO_HEADER_READ:
            return "No header of this repo could be read, so nothing can be said about its memory."
        case ReasonKind.NONE_CAN_BE_LOADED:
            return "What fits cannot be loaded as it is; look for another repo of the same model."
    if reason.parameters:
        return f"Otherwise take a smaller model of the family: up to about {_billions(reason.parameters)} in 4 bits."
    return "Otherwise take a smaller model of the family, or another repo that has smaller variants."


def _slower(reason: Reason, option: Option) -> str:
    """How quick it is beside the recommended one; "" where that is unknown or about the same."""
    if reason.speed_share is None or option.rate is None:
        return ""
    speed = _rate(option.rate.expected)
    return f"at less than half the speed ({speed})" if reason.speed_share < 0.5 else f"at {speed}"


def _rate(expected: float) -> str:
    return f"{expected:.0f} tok/s" if expected >= 10 else f"{expected:.1f} tok/s"


def _billions(parameters: float) -> str:
    return f"{parameters / 1e9:.0f} B parameters" if parameters >= 2e9 else f"{parameters / 1e9:.1f} B parameters"


def _fast_memory(option: Option) -> str:
    """The fastest memory an option could be in."""
    if place_of(option) == "cpu" or option.fit is None:
        return "in main memory"
    several = sum(pool.device > 0 for pool in option.fit.pools) > 1
    return "entirely in the GPUs' memory" if several else "entirely in the GPU's memory"


def _placed(option: Option) -> str:
    return placement_words(option.fit) if option.fit is not None else "unknown"


def _loss(option: Option) -> str:
    quality = option.quality
    if not quality.measured:
        return f"not measured, like {quality.like_label}" if quality.like else "not measured"
    return quality.label if quality.label != "none measurable" else "not measurable"


def _speed(option: Option) -> str:
    if option.rate is None:
        return ""
    return f" (about {_rate(option.rate.expected)})"
