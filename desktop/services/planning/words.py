"""A plan's figures in words, the same for pages and commands."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.core.context_length import engine_context
from desktop.core.kv_quality import KvEffect, KvQuality, kv_quality
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import kv_words
from desktop.core.memory import DeviceMemory, Memory
from desktop.core.placement import Fit
from desktop.core.speed import Rate, Speeds
from desktop.core.units import human_bytes, human_time
from desktop.core.words import counted, tr
from desktop.engine.api import Memory as LoadedMemory
from desktop.services.planning.device_words import gpu_words
from desktop.services.planning.offload_words import gone_words

_WORTH_SAYING = 0.1  # of a rate
_WIDE = 0.3  # of a rate: a band beyond it is no figure with an error any more
ROUGH_SPEED = tr("~ before a speed: it may be off by more than {wide:.0%}", wide=_WIDE)
ROUGH_MEMORY = tr("~ before memory: by formulas, not by the engine's own plan")


def speed(speeds: Speeds | None, *, unit: bool = True) -> str:
    """Tokens per second from an empty to a full context: ``31 → 21 tok/s``, ``~ 31 → 21 tok/s`` where the band is wide,
    one figure where both are the same, and ``31 → 21 tok/s measured`` where it is no guess. ``unit`` False leaves unit
    and origin to a column's title and tooltip.
    """
    if speeds is None:
        return "–"
    first, last = _figure(speeds.empty.expected), _figure(speeds.full.expected)
    about, end = "~ " if is_rough(speeds) else "", _unit(speeds) if unit else ""
    return f"{about}{first}{end}" if first == last else f"{about}{first} → {last}{end}"


def is_rough(speeds: Speeds) -> bool:
    """Whether a speed is told with "~": its band is wide."""
    return _spread(speeds.full) > _WIDE * speeds.full.expected


def _unit(speeds: Speeds) -> str:
    return tr(" tok/s measured") if speeds.runs else " tok/s"


def speed_lines(speeds: Speeds | None) -> tuple[str, ...]:
    """Both speeds while writing with their bands, a line each, and where they were measured; none where nothing is
    known.
    """
    if speeds is None:
        return ()
    measured = measured_words(speeds)
    return (
        tr("{empty} with an empty context →", empty=_banded_rate(speeds.empty)),
        tr("{full} with all {context:,} tokens used", full=_banded_rate(speeds.full), context=speeds.context),
        *([measured] if measured else []),
    )


def measured_words(speeds: Speeds) -> str:
    """That a speed is not a guess: ``measured here in 3 runs``; "" where it is one."""
    return tr("measured here in {runs}", runs=counted(speeds.runs, "run")) if speeds.runs else ""


def speed_details(speeds: Speeds | None) -> str:
    """All that is known of the speed, a line each, for a tooltip; "" where nothing is."""
    reading = prompt_words(speeds)
    return "\n".join((*speed_lines(speeds), *([tr("reads a prompt of {reading}", reading=reading)] if reading else [])))


def prompt_words(speeds: Speeds | None) -> str:
    """How long a prompt is read that fills the context: ``32,768 tokens in 4 min 10 s``; "" where that is not known."""
    seconds = speeds.prompt_seconds if speeds is not None else None
    return (
        tr("{context:,} tokens in {seconds}", context=speeds.context, seconds=human_time(seconds))
        if speeds is not None and seconds
        else ""
    )


_MEMORY_TERMS = {
    "weights_bytes": tr("Weights"),
    "kv_bytes": tr("KV cache"),
    "recurrent_bytes": tr("Recurrent state"),
    "compute_bytes": tr("Compute buffers"),
    "output_bytes": tr("Output buffer"),
    "draft_bytes": tr("Speculation"),
    "projector_bytes": tr("Projector"),
    "picture_bytes": tr("Reading a picture, at most"),
    "checkpoint_bytes": tr("Kept states, at most"),
}


def memory_terms(memory: Memory | DeviceMemory | LoadedMemory) -> dict[str, int]:
    """Each term's name, with its bytes, 0 included."""
    return {name: getattr(memory, field, 0) for field, name in _MEMORY_TERMS.items()}


def memory_held(measured: int, planned: int | None, kept: int = 0) -> str:
    """What was allocated, and what was planned, or what a long chat makes of it, where that reads otherwise; bytes."""
    words, plan, most = human_bytes(measured), human_bytes(planned or measured), human_bytes(measured + kept)
    if words != plan:
        return tr("{words}, planned {plan}", words=words, plan=plan)
    return words if words == most else tr("{words}, at most {most}", words=words, most=most)


def placement_words(fit: Fit) -> str:
    """A verdict: ``all on GPU``, ``31 of 36 layers on GPU``, ``too large by 10.2 GB``."""
    match fit.placement:
        case "gpu":
            return tr("all on GPU")
        case "partial":
            return tr("{gpu_layers} of {layers} layers on GPU", gpu_layers=fit.gpu_layers, layers=fit.layers)
        case "experts-in-ram":
            return tr("experts in RAM")
        case "cpu":
            return tr("CPU only")
    return tr("too large by {short_by_bytes}", short_by_bytes=human_bytes(fit.short_by_bytes))


@dataclass(frozen=True)
class DeviceUse:
    """What a device would hold of what is free there, the reserve taken off; bytes."""

    name: str
    used_bytes: int
    free_bytes: int

    @property
    def over(self) -> bool:
        """Whether that is too much."""
        return self.used_bytes > self.free_bytes


def devices(plan: LoadPlan) -> tuple[DeviceUse, ...]:
    """Each device that a plan uses, main memory first; none where nothing was planned."""
    if plan.fit is None:
        return ()
    held = {device.device: device.total_bytes for device in plan.fit.memory.devices}
    used = [(pool, held.get(pool.device, 0)) for pool in plan.fit.pools]
    return tuple(DeviceUse(pool.name, size, pool.free_bytes) for pool, size in used if size)


def longest(plan: LoadPlan) -> str:
    """The longest context that keeps the model where it is; a dash where none does."""
    return f"{plan.fit.max_context:,} tokens" if plan.fit is not None and plan.fit.max_context else "–"


def summary(plan: LoadPlan) -> str:
    """A plan in one line: the context, the memory with it, and the speed; "" where nothing is known."""
    if plan.fit is None:
        return ""
    about = "~ " if plan.fit.method == "estimate" else ""
    found = [
        tr("{context:,} tokens of context", context=plan.context),
        tr("{about}{total_bytes} of memory", about=about, total_bytes=human_bytes(plan.fit.memory.total_bytes)),
    ]
    if not plan.fits:
        found.append(tr("too large by {short_by_bytes}", short_by_bytes=human_bytes(plan.fit.short_by_bytes)))
    return " · ".join([*found, speed(plan.speeds)] if plan.speeds else found)


def notes(plan: LoadPlan) -> tuple[str, ...]:
    """What a person should know of a plan beside its figures, a sentence each."""
    fit = plan.fit
    said = [plan.note] if plan.note else []
    if fit is not None and not fit.fits:
        said.append(
            tr("Too large by {short_by_bytes}: it will hardly load.", short_by_bytes=human_bytes(fit.short_by_bytes))
        )
    if plan.gone:
        said.append(gone_words(plan.gone))
    return (*said, *warnings(plan))


def warnings(plan: LoadPlan) -> tuple[str, ...]:
    """What was set beyond what is of use, a sentence each: it is taken all the same."""
    found = (beyond_training(plan.context, plan.trained_context), beyond_cores(plan.threads, plan.cores))
    return tuple(words for words in found if words)


def beyond_cores(threads: int, cores: int) -> str:
    """A sentence where there are more threads than physical cores (0: unknown); "" where there are not."""
    if not cores or threads <= cores:
        return ""
    has = tr("1 core") if cores == 1 else f"{cores:,} cores"
    return tr(
        "{threads:,} threads share {has}: more threads than cores wait for one another, which is slower.",
        threads=threads,
        has=has,
    )


def remarks(plan: LoadPlan) -> tuple[str, ...]:
    """What explains a plan and is nothing to worry about, a sentence each: the context, and the KV cache's types."""
    said, asked = [], plan.asked.context
    if asked is not None and asked != plan.context:
        said.append(
            tr(
                "The context will be {context:,} tokens: the engine rounds {asked:,} up to a multiple of 256.",
                context=plan.context,
                asked=asked,
            )
        )
    said += gpu_words(plan.fit)
    about_cache = (kv_quality_words(kv_quality(plan.kv_types)), kv_speed_words(plan.kv_types, plan.speeds))
    return (*said, *(words for words in about_cache if words))


def kv_quality_words(known: KvQuality) -> str:
    """What a quantized KV cache costs in quality, in a sentence; "" for one that is not quantized."""
    types = " and ".join(known.types)
    match known.effect:
        case KvEffect.UNQUANTIZED:
            return ""
        case KvEffect.SMALL:
            return tr(
                "KV cache in {types}: hardly a loss where it was measured: KL divergence "
                "{kld_high:.3f} or less ({source}). Models differ.",
                types=types,
                kld_high=known.kld_high,
                source=known.source,
            )
        case KvEffect.WORSE_TOOL_CALLS:
            return tr(
                "KV cache in {types}: it can make tool calls substantially worse ({source}).",
                types=types,
                source=known.source,
            )
    return tr("KV cache in {types}: Heft knows no measurement of what it costs in quality.", types=types)


def kv_speed_words(types: tuple[str, str], speeds: Speeds | None) -> str:
    """What the KV cache's types cost or gain in speed, in a sentence; "" where that is little, or not known."""
    f16 = dict(speeds.by_cache).get("f16") if speeds is not None else None
    if speeds is None or f16 is None or types == ("f16", "f16"):
        return ""
    here, plain = speeds.full.expected, f16.expected
    if abs(here / plain - 1) <= _WORTH_SAYING:
        return ""
    change = "slower" if here < plain else "quicker"
    return tr(
        "KV cache in {types}: {change} here in a long chat, {here} tok/s instead of {plain} "
        "with f16 once all {context:,} tokens are used.",
        types=kv_words(types),
        change=change,
        here=_figure(here),
        plain=_figure(plain),
        context=speeds.context,
    )


def kv_choice_words(speeds: Speeds | None) -> str:
    """What the type of the KV cache means for the speed here, before one is chosen; "" where that is little."""
    rates = [(kind, rate.expected) for kind, rate in speeds.by_cache] if speeds is not None else []
    if speeds is None or not rates or max(r for _, r in rates) <= (1 + _WORTH_SAYING) * min(r for _, r in rates):
        return ""
    each = ", ".join(tr("{rate} tok/s with {kind}", rate=_figure(rate), kind=kind) for kind, rate in rates)
    return tr("In a long chat, with all {context:,} tokens used, it is {each} here.", context=speeds.context, each=each)


def beyond_training(context: int, trained: int) -> str:
    """A sentence where a context is longer than the model was trained for (0: unknown); "" where it is not.

    What the engine adds to that by rounding is no such context.
    """
    if not trained or context <= engine_context(trained):
        return ""
    return tr("The model was trained for {trained:,}; beyond that its answers lose their sense.", trained=trained)


def _banded_rate(rate: Rate) -> str:
    """``49 ± 4 tok/s``, ``12 to 30 tok/s`` where the band is wide."""
    spread = _spread(rate)
    if spread > _WIDE * rate.expected:
        return tr("{low} to {high} tok/s", low=_figure(rate.low), high=_figure(rate.high))
    return tr("{expected} ± {spread} tok/s", expected=_figure(rate.expected), spread=_figure(spread))


def _spread(rate: Rate) -> float:
    return (rate.high - rate.low) / 2


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
