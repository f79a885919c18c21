"""The picker's figures in words, the same in the window's table, its chart and on the command line."""

from __future__ import annotations

from typing import Literal

from desktop.core.choice import Option, placement_words
from desktop.core.load_settings import kv_words
from desktop.core.quality import Label, Quality
from desktop.core.speed import Rate
from desktop.core.units import human_bytes, human_parameters
from desktop.services.discover.picker_records import View
from desktop.services.discover.search_results import human_context

Tone = Literal["good", "warn", "bad", "text_muted"]

_TONES: dict[Label, Tone] = {
    "none measurable": "good",
    "negligible": "good",
    "very small": "good",
    "small": "good",
    "noticeable": "warn",
    "large": "bad",
    "not measured": "text_muted",
}


def where(option: Option) -> tuple[str, Tone]:
    """Where a variant runs, and how good that is."""
    if option.damaged:
        return "damaged", "bad"
    if option.variant.missing_shards:
        return "incomplete", "bad"
    if option.fit is None:
        return "not read yet", "text_muted"
    words = placement_words(option.fit)
    match option.fit.placement:
        case "gpu":
            return (f"{words} (tight)" if option.tight else words), "good"
        case "cpu":
            return (f"{words} (tight)" if option.tight else words), "good" if len(option.fit.pools) == 1 else "warn"
        case "partial":
            return f"{option.fit.gpu_layers} of {option.fit.layers} layers", "warn"
        case "experts-in-ram":
            return words, "warn"
    return words, "bad"


def speed(rate: Rate | None) -> str:
    """Tokens per second with the band: ``49 ± 4 tok/s``, ``12 to 30 tok/s`` where it is wide."""
    if rate is None:
        return "–"
    spread = (rate.high - rate.low) / 2
    if spread > 0.3 * rate.expected:
        return f"{_figure(rate.low)} to {_figure(rate.high)} tok/s"
    return f"{_figure(rate.expected)} ± {_figure(spread)} tok/s"


def loss(quality: Quality, *, unit: bool = True) -> tuple[str, Tone]:
    """The loss with its figures: ``small · KLD 0.01–0.03``; ``unit`` False leaves the word KLD to a column's title."""
    tone = _TONES[quality.label]
    if not quality.measured:
        if quality.like:
            return f"not measured · like {quality.like}", _TONES[quality.like_label]
        return "not measured", tone
    if quality.source == "reference":
        return "none · the reference", tone
    if quality.label == "none measurable":
        return quality.label, tone
    band = _band(quality)
    short = band.removeprefix("KLD ").replace("perplexity", "ppl")  # as llama.cpp's tools abbreviate it
    return f"{quality.label} · {band if unit else short}", tone


def loss_details(quality: Quality) -> str:
    """Everything measured, one line each, for a tooltip."""
    lines = [*quality.notes]
    names = {
        "kld_mean": "mean KL divergence",
        "kld_median": "median KL divergence",
        "perplexity_percent": "perplexity, % more",
        "top1_changed_percent": "other most likely token, %",
    }
    for row in quality.measurements:
        matrix = {True: ", with importance matrix", False: "", None: ""}[row.imatrix]
        lines.append(f"{row.quantization}: {names[row.measure]} {row.value:g} ({row.model}, {row.dataset}{matrix})")
    sources = dict.fromkeys(row.source for row in quality.measurements)
    lines += [f"Source: {source}" for source in sources]
    return "\n".join(lines)


def memory_details(option: Option) -> str:
    """The terms of a variant's memory, one line each, for a tooltip."""
    fit = option.fit
    if fit is None:
        return ""
    memory = fit.memory
    terms = [
        ("weights", memory.weights_bytes),
        (f"KV cache ({kv_words(fit.kv_types)})", memory.kv_bytes),
        ("recurrent state", memory.recurrent_bytes),
        ("compute", memory.compute_bytes),
        ("output", memory.output_bytes),
    ]
    lines = [f"At {fit.context:,} tokens of context:"]
    lines += [f"{name}: {human_bytes(size)}" for name, size in terms if size]
    names = {pool.device: pool.name for pool in fit.pools}
    if len(memory.devices) > 1:
        lines += [f"on {names.get(d.device, 'a GPU')}: {human_bytes(d.total_bytes)}" for d in memory.devices]
    if fit.max_context and fit.fits:
        lines.append(f"stays there up to {fit.max_context:,} tokens")
    told = "planned by the engine" if fit.method == "engine" else f"estimated, within about {fit.band:.0%}"
    return "\n".join([*lines, told])


def facts(view: View) -> str:
    """What a model is, in one line."""
    found = []
    if view.parameters:
        found.append(f"{human_parameters(view.parameters)} parameters")
    shape, summary = view.shape, view.repo.summary
    if shape is not None:
        found += [shape.architecture, f"{shape.layer_count} layers"]
        if shape.experts:
            found.append(f"{shape.experts} experts, {shape.experts_used} at a time")
        heads = {layer.kv_heads for layer in shape.layers if layer.owns_kv}
        if len(heads) == 1:
            found.append(f"{heads.pop()} KV heads")
    elif summary.architecture:
        found.append(summary.architecture)
    context = view.max_context or summary.context_length
    if context:
        found.append(f"{context:,} context")
    if summary.license:
        found.append(_licence(summary.license))
    count = len(view.rows)
    found.append(f"{count} variant{'s' * (count != 1)}")
    return " · ".join(found)


def why_title(view: View) -> str:
    """The heading of the paragraph of reasons."""
    recommended = view.recommended
    if recommended is not None:
        return f"★ Why {recommended.variant.name}."
    return "Nothing recommended." if view.rows else "Nothing to run."


def beyond_training(context: int, trained: int) -> str:
    """A sentence where a context is longer than the model was trained for (0: unknown); "" where it is not."""
    if not trained or context <= trained:
        return ""
    return f"The model was trained for {trained:,}; beyond that its answers lose their sense."


def context_words(tokens: int) -> str:
    """``16k context``"""
    return f"{human_context(tokens)} context"


def _licence(tag: str) -> str:
    """A licence tag as people write it: ``Apache-2.0``."""
    return {"apache-2.0": "Apache-2.0", "mit": "MIT"}.get(tag, tag)


def _band(quality: Quality) -> str:
    if quality.kld_low is not None and quality.kld_high is not None:
        low, high = _kld(quality.kld_low), _kld(quality.kld_high)
        return f"KLD {low}" if low == high else f"KLD {low}–{high}"
    if quality.perplexity_low is None or quality.perplexity_high is None:
        return "measured"
    low, high = f"{quality.perplexity_low:.2g}", f"{quality.perplexity_high:.2g}"
    return f"perplexity +{low}%" if low == high else f"perplexity +{low}–{high}%"


def _kld(value: float) -> str:
    return f"{value:.3f}" if value < 0.01 else f"{value:.2f}"


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
