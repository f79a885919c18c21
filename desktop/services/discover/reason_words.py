"""The reasons for a choice in words, the same in the window and on the command line."""

from __future__ import annotations

from desktop.core.choice import Option, Reason, ReasonKind, Recommendation
from desktop.core.choice_options import READING_SPEED
from desktop.core.choice_reasons import place_of
from desktop.core.units import human_bytes, human_left, human_time
from desktop.core.words import counted, tr
from desktop.services.discover.picker_words import QUALITY_WORDS, kld_text
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
            reading = tr(" and answers at reading speed") if kind is ReasonKind.BEST_THAT_STAYS_AND_ANSWERS else ""
            room = tr(" with room to spare") if reason.roomy else ""
            return tr(
                "It is the best quality that stays {option}{room} at {context:,} tokens of "
                "context{reading}: {option2}. Its loss: {loss}{speed}.",
                option=_fast_memory(option),
                room=room,
                context=reason.context,
                reading=reading,
                option2=_taken(option),
                loss=loss,
                speed=speed,
            )
        case ReasonKind.ONLY_VARIANT | ReasonKind.ONLY_ONE_THAT_FITS | ReasonKind.ONLY_ONE_THAT_LOADS:
            return _only(reason, option)
        case ReasonKind.LEAST_LOSS_FOR_SPEED:
            return tr(
                "Nothing with an acceptable loss stays {option}; {name} loses the least without "
                "giving up much speed{speed}: {option2}, {loss}.",
                option=_fast_memory(option),
                name=name,
                speed=speed,
                option2=_placed(option),
                loss=loss,
            )
        case ReasonKind.ABOUT_QUICKEST:
            return tr(
                "{reason}; {name} is about the quickest{speed}.", reason=_too_slow(reason), name=name, speed=speed
            )
        case ReasonKind.LEAST_LOSS_AT_READING_SPEED:
            reading = tr(" and answers at reading speed") if option.rate is not None else ""
            return tr(
                "It loses the least of what fits{reading}{speed}: {loss}, {option}.",
                reading=reading,
                speed=speed,
                loss=loss,
                option=_placed(option),
            )
        case ReasonKind.CLOSEST_TO_READING_SPEED:
            return tr(
                "{reason}; {name} comes closest{speed} at an acceptable loss: {loss}.",
                reason=_too_slow(reason),
                name=name,
                speed=speed,
                loss=loss,
            )
        case ReasonKind.FASTEST_NOT_NOTICEABLE:
            return tr(
                "It is the fastest whose loss is not yet noticeable{speed}: {loss}, {option}.",
                speed=speed,
                loss=loss,
                option=_placed(option),
            )
        case ReasonKind.ALL_NOTICEABLE:
            return tr("All that fits loses noticeably; this one loses the least: {loss}.", loss=loss)
    return _besides(reason, option)


def _too_slow(reason: Reason) -> str:
    """What is decided is decided by a full context, which the speed of an empty one may be far above."""
    return tr(
        "Once all {context:,} tokens are used, nothing here answers at reading speed "
        "({reading_speed:.0f} tok/s) without a large loss",
        context=reason.context,
        reading_speed=READING_SPEED,
    )


def _taken(option: Option) -> str:
    """How much of what is free it takes where it goes; the three figures add up."""
    used, free = option.used_of_free
    left = tr("leaves {free}{tight}", free=human_left(free, used), tight=tr(", which is tight") if option.tight else "")
    return tr(
        "it takes {used} of the {free} free there and {left}", used=human_bytes(used), free=human_bytes(free), left=left
    )


def _only(reason: Reason, option: Option) -> str:
    first = {
        ReasonKind.ONLY_VARIANT: "It is the only variant",
        ReasonKind.ONLY_ONE_THAT_FITS: "Only this variant fits",
        ReasonKind.ONLY_ONE_THAT_LOADS: "Only this variant can be loaded",
    }[reason.kind]
    speed = _speed(option).strip(" ()")
    slow = "" if option.readable else tr(", slower than a person reads")
    taken = f"; {_taken(option)}" if place_of(option) in ("gpu", "cpu") else ""
    said = tr(
        "{first}: {option} at {context:,} tokens of context{taken}",
        first=first,
        option=_placed(option),
        context=reason.context,
        taken=taken,
    )
    return tr(
        "{said}{value}{slow}. Its loss: {option}.",
        said=said,
        value=f", {speed}" if speed else "",
        slow=slow,
        option=_loss(option),
    )


def _besides(reason: Reason, option: Option) -> str:
    """Caveats, and what would help where nothing fits."""
    name = option.variant.name
    match reason.kind:
        case ReasonKind.NOT_MEASURED:
            like = tr("; it is ranked like {like}", like=option.quality.like) if option.quality.like else ""
            return tr("The loss of {name} was never measured independently{like}.", name=name, like=like)
        case ReasonKind.OLDER_FORMAT:
            return tr("{name} is an older format.", name=name)
        case ReasonKind.LARGE_LOSS:
            return tr("So large a loss shows in the answers: a smaller model in 4 bits or more is usually better.")
        case ReasonKind.PROMPT_TIME:
            time = human_time(reason.seconds)
            return tr(
                "A question that fills the {context:,} tokens takes about {time} to read before the answer.",
                context=reason.context,
                time=time,
            )
        case ReasonKind.MEASURED_HERE:
            here = option.quality.here
            found = (
                tr(
                    " on {text}: mean KL divergence {kld} from {reference}",
                    text=here.text,
                    kld=kld_text(here.kld),
                    reference=here.reference,
                )
                if here
                else ""
            )
            return tr("Its loss was measured here{found}.", found=found)
        case ReasonKind.PLANNED_BY_ENGINE:
            return tr("Memory figures are the engine's own plan of each file's header.")
        case ReasonKind.ESTIMATED:
            return tr(
                "Memory figures are estimates, within about {band:.0%}.", band=option.fit.band if option.fit else 0
            )
        case ReasonKind.NOTHING_FITS:
            needed = option.fit.memory.total_bytes if option.fit else option.variant.size_bytes
            return tr(
                "Nothing fits at {context:,} tokens of context: {name}, the smallest, needs {needed} "
                "and is too large by {bytes}.",
                context=reason.context,
                name=name,
                needed=human_bytes(needed),
                bytes=human_bytes(reason.bytes),
            )
        case ReasonKind.FITS_WITH_SHORTER_CONTEXT:
            return tr("With a context of {context:,} tokens {name} would fit.", context=reason.context, name=name)
        case ReasonKind.FITS_WITH_Q8_CACHE:
            return tr("With the KV cache in q8_0 it would fit up to {context:,} tokens.", context=reason.context)
    return _neighbour(reason, option)


def _neighbour(reason: Reason, option: Option) -> str:
    name, size, slower = option.variant.name, human_bytes(reason.bytes), _slower(reason, option)
    run = tr(" and run {slower}", slower=slower) if slower else ""
    match reason.kind:
        case ReasonKind.CANNOT_BE_LOADED:
            return tr("{name} cannot be loaded as it is: {note}", name=name, note=option.variant.note)
        case ReasonKind.DAMAGED:
            return tr("{name} is damaged.", name=name)
        case ReasonKind.TOO_LARGE:
            return tr("{name} is too large by {size}.", name=name, size=size)
        case ReasonKind.BUYS_NOTHING_MEASURABLE:
            return tr("{name} would take {size} more and buy nothing measurable.", name=name, size=size)
        case ReasonKind.SPILLS_LAYERS:
            return tr(
                "{name} would push {layers} to main memory{run}.",
                name=name,
                layers=counted(reason.layers, "layer"),
                run=run,
            )
        case ReasonKind.SPILLS_EXPERTS:
            return tr("{name} would keep experts in main memory{run}.", name=name, run=run)
        case ReasonKind.FITS_TOO | ReasonKind.FITS_BUT_SLOW:
            tight = tr("only just fits") if option.tight else tr("fits too")
            speed = tr(", and would run {slower}", slower=slower) if slower else ""
            if reason.kind is ReasonKind.FITS_BUT_SLOW and option.rate is not None:
                speed = tr(
                    ", but would run at {expected}, slower than a person reads", expected=_rate(option.rate.expected)
                )
            used, free = option.used_of_free
            return tr(
                "{name} {tight} and leaves {free}{speed}.",
                name=name,
                tight=tight,
                free=human_left(free, max(0, used)),
                speed=speed,
            )
        case ReasonKind.TAKES_MORE:
            return tr("{name} would take {size} more{run}.", name=name, size=size, run=run)
        case ReasonKind.RUNS_ELSEWHERE:
            return tr(
                "{name} would run {option}{value}.",
                name=name,
                option=_placed(option),
                value=f", {slower}" if slower else "",
            )
        case ReasonKind.SAVES:
            return tr(
                "{name} would save {size}{run}, at a loss that is {option}.",
                name=name,
                size=size,
                run=run,
                option=_loss(option),
            )
    raise ValueError(reason.kind)


def _without_option(reason: Reason) -> str:
    match reason.kind:
        case ReasonKind.NO_VARIANTS:
            return tr("There is no GGUF model in this repo.")
        case ReasonKind.NO_HEADER_READ:
            return tr("No header of this repo could be read, so nothing can be said about its memory.")
        case ReasonKind.NONE_CAN_BE_LOADED:
            return tr("What fits cannot be loaded as it is; look for another repo of the same model.")
    if reason.parameters:
        return tr(
            "Otherwise take a smaller model of the family: up to about {parameters} in 4 bits.",
            parameters=_billions(reason.parameters),
        )
    return tr("Otherwise take a smaller model of the family, or another repo that has smaller variants.")


def _slower(reason: Reason, option: Option) -> str:
    """How quick it is beside the recommended one; "" where that is unknown or about the same."""
    if reason.speed_share is None or option.rate is None:
        return ""
    speed = _rate(option.rate.expected)
    return (
        tr("at less than half the speed ({speed})", speed=speed)
        if reason.speed_share < 0.5
        else tr("at {speed}", speed=speed)
    )


def _rate(expected: float) -> str:
    return f"{expected:.0f} tok/s" if expected >= 10 else f"{expected:.1f} tok/s"


def _billions(parameters: float) -> str:
    return (
        tr("{parameters:.0f} B parameters", parameters=parameters / 1e9)
        if parameters >= 2e9
        else tr("{parameters:.1f} B parameters", parameters=parameters / 1e9)
    )


def _fast_memory(option: Option) -> str:
    """The fastest memory an option could be in."""
    if place_of(option) == "cpu" or option.fit is None:
        return tr("in main memory")
    several = sum(pool.device > 0 for pool in option.fit.pools) > 1
    return tr("entirely in the GPUs' memory") if several else tr("entirely in the GPU's memory")


def _placed(option: Option) -> str:
    return placement_words(option.fit) if option.fit is not None else tr("unknown")


def _loss(option: Option) -> str:
    quality = option.quality
    if not quality.measured:
        return (
            tr("not measured, like {like_label}", like_label=QUALITY_WORDS[quality.like_label])
            if quality.like
            else tr("not measured")
        )
    return QUALITY_WORDS[quality.label] if quality.label != "none measurable" else tr("not measurable")


def _speed(option: Option) -> str:
    if option.rate is None:
        return ""
    return tr(" (about {expected})", expected=_rate(option.rate.expected))
