"""The picker's figures in words, the same in the window's table, its chart and on the command line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from desktop.core.choice import Option
from desktop.core.load_settings import kv_words
from desktop.core.memory import ModelShape
from desktop.core.model_kind import ModelKind
from desktop.core.quality import Label, Quality
from desktop.core.token_counts import tokens_text
from desktop.core.units import human_bytes, human_parameters
from desktop.core.variants import Variant
from desktop.core.words import counted, tr
from desktop.services.discover.picker_records import ModelGroup, VariantRow, View
from desktop.services.discover.tables import DataTables
from desktop.services.models.kind_words import kind_fact
from desktop.services.planning.words import ROUGH_MEMORY, ROUGH_SPEED, is_rough, memory_terms, placement_words

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

QUALITY_WORDS: dict[Label, str] = {
    "none measurable": tr("none measurable"),
    "negligible": tr("negligible"),
    "very small": tr("very small"),
    "small": tr("small"),
    "noticeable": tr("noticeable"),
    "large": tr("large"),
    "not measured": tr("not measured"),
}


def where(option: Option) -> tuple[str, Tone]:
    """Where a variant runs, and how good that is."""
    if option.damaged:
        return tr("damaged"), "bad"
    if option.variant.missing_shards:
        return tr("incomplete"), "bad"
    if option.fit is None:
        return tr("no figures") if option.unplannable else tr("not read yet"), "text_muted"
    words = placement_words(option.fit)
    match option.fit.placement:
        case "gpu":
            return (tr("{words} (tight)", words=words) if option.tight else words), "good"
        case "cpu":
            return (tr("{words} (tight)", words=words) if option.tight else words), "good" if len(
                option.fit.pools
            ) == 1 else "warn"
        case "partial":
            return tr(
                "{gpu_layers} of {layers} layers", gpu_layers=option.fit.gpu_layers, layers=option.fit.layers
            ), "warn"
        case "experts-in-ram":
            return words, "warn"
    return words, "bad"


def loss(quality: Quality, *, unit: bool = True) -> tuple[str, Tone]:
    """The loss with its KL divergence: ``small · KLD 0.01–0.03``; ``unit`` False leaves the word KLD to a column's
    title. Where only perplexity was measured the word rests on that, and :func:`loss_details` has it.
    """
    tone = _TONES[quality.label]
    if quality.here is not None:
        value = kld_text(quality.here.kld)
        value = f"KLD {value}" if unit else value
        return tr("{label} · {value} measured here", label=QUALITY_WORDS[quality.label], value=value), tone
    if not quality.measured:
        if quality.like:
            return tr("not measured · like {like}", like=quality.like), _TONES[quality.like_label]
        return tr("not measured"), tone
    if quality.source == "reference":
        return tr("none · the reference"), tone
    if quality.label == "none measurable":
        return QUALITY_WORDS[quality.label], tone
    band = _band(quality)
    if not band:  # perplexity is another measure, and its percents no KLD
        return tr("{label} · no KLD", label=QUALITY_WORDS[quality.label]), tone
    return f"{QUALITY_WORDS[quality.label]} · {band if unit else band.removeprefix('KLD ')}", tone


def loss_details(quality: Quality) -> str:
    """Everything measured, one line each, for a tooltip."""
    lines = [*here_words(quality), *quality.notes]
    names = {
        "kld_mean": tr("mean KL divergence"),
        "kld_median": tr("median KL divergence"),
        "perplexity_percent": tr("perplexity, % more"),
        "top1_changed_percent": tr("other most likely token, %"),
    }
    for row in quality.measurements:
        matrix = {True: ", with importance matrix", False: "", None: ""}[row.imatrix]
        lines.append(f"{row.quantization}: {names[row.measure]} {row.value:g} ({row.model}, {row.dataset}{matrix})")
    sources = dict.fromkeys(row.source for row in quality.measurements)
    lines += [tr("Source: {source}", source=source) for source in sources]
    return "\n".join(lines)


def here_words(quality: Quality) -> list[str]:
    """What was measured of this very file on this computer, a line; none where nothing was."""
    here = quality.here
    if here is None:
        return []
    value = f"{here.kld:.4g} ± {here.error:.2g}"
    return [
        tr(
            "Measured here on {text}: mean KL divergence {value} from {reference}, {tokens:,} tokens",
            text=here.text,
            value=value,
            reference=here.reference,
            tokens=here.tokens,
        )
    ]


def memory_details(option: Option) -> str:
    """The terms of a variant's memory, one line each, for a tooltip."""
    fit = option.fit
    if fit is None:
        return ""
    memory = fit.memory
    lines = [tr("At {context:,} tokens of context:", context=fit.context)]
    lines += [f"{name}: {human_bytes(size)}" for name, size in memory_terms(memory).items() if size]
    lines.append(tr("type of the KV cache: {kv_types}", kv_types=kv_words(fit.kv_types)))
    names = {pool.device: pool.name for pool in fit.pools}
    if len(memory.devices) > 1:
        lines += [
            tr(
                "on {device}: {total_bytes}",
                device=names.get(d.device, "a GPU"),
                total_bytes=human_bytes(d.total_bytes),
            )
            for d in memory.devices
        ]
    if fit.max_context and fit.fits:
        lines.append(tr("stays there up to {max_context:,} tokens", max_context=fit.max_context))
    told = (
        tr("planned by the engine")
        if fit.method == "engine"
        else tr("estimated, within about {band:.0%}", band=fit.band)
    )
    return "\n".join([*lines, told])


def name_words(variant: Variant, tables: DataTables) -> str:
    """What a variant's name means: ``Q4_K_M means: 4 bits, the more important layers in 6. …``; "" for another name."""
    label = variant.quantization
    means = next((part.words for part in tables.names.explain(label) if part.kind == "quantization"), "")
    return tr("{label} means: {means}", label=label, means=means) if means else ""


def facts(view: View) -> str:
    """What a repo holds, in one line: the model's figures, or how many models there are."""
    summary, count = view.repo.summary, len(view.rows)
    found = [f"{len(view.groups)} models"] if view.several else []
    if not view.several:
        found += _figures(view.parameters, view.shape, view.max_context or summary.context_length, view.kind)
        if view.shape is None and summary.architecture:
            found.append(summary.architecture)
    if summary.license:
        found.append(_licence(summary.license))
    found.append(counted(count, "variant"))
    return " · ".join(found)


def model_facts(group: ModelGroup, asked: int = 0) -> str:
    """What one of several models is, in one line; and that it is weighed at less than the context ``asked`` for."""
    count = len(group.rows)
    found = _figures(group.parameters, group.shape, group.max_context, group.kind)
    found.append(counted(count, "variant"))
    if group.shape is not None and group.context < asked:
        found.append(tr("weighed at {context:,}, all it was trained for", context=group.context))
    return " · ".join(found)


def _figures(parameters: int | None, shape: ModelShape | None, context: int | None, kind: ModelKind) -> list[str]:
    found = [kind_fact(kind)] if kind_fact(kind) else []
    found += [f"{human_parameters(parameters)} parameters"] if parameters else []
    if shape is not None:
        found += [shape.architecture, f"{shape.layer_count} layers"]
        if shape.experts:
            found.append(
                tr(
                    "{experts} experts, {experts_used} at a time",
                    experts=shape.experts,
                    experts_used=shape.experts_used,
                )
            )
        heads = {layer.kv_heads for layer in shape.layers if layer.owns_kv}
        if len(heads) == 1:
            found.append(tr("{pop} KV heads", pop=heads.pop()))
    return [*found, tr("{context:,} context", context=context)] if context else found


def names_in(group: ModelGroup, rows: Sequence[VariantRow], *, several: bool) -> dict[int, str]:
    """What the variants of a model are called beside each other, by number: among ``several`` models without what
    tells these apart, where that is enough."""
    names = {number: rows[number].variant.name for number in group.rows}
    if not several:
        return names
    labels = {number: rows[number].variant.label for number in group.rows}
    counts = Counter(labels.values())
    return {number: label if label and counts[label] == 1 else names[number] for number, label in labels.items()}


def which_model(view: View) -> str:
    """Which of a repo's models is taken, and why; "" where there is one."""
    if view.choice is None or not view.several:
        return ""
    if all(group.shape is None for group in view.groups):
        return tr("This repo holds {groups} models, by the names of its files.", groups=len(view.groups))
    name, well = view.groups[view.choice.index].name, view.choice.well
    why = {
        "none-fits": tr("none of them fits"),
        "fits": tr("only {name} fits", name=name),
        "named": tr("{name} is the one the repo is named after", name=name),
        "tuned": tr("{name} is the one to chat with", name=name),
        "runs-well": tr("only {name} runs well here", name=name),
        "quickest": tr("{name} is the quickest", name=name),
        "largest": tr("{name} is the largest that {value}", name=name, value=tr("runs well here") if well else "fits"),
    }.get(view.choice.reason, f"{name} comes first, nothing says that another is better")
    return tr("This repo holds {groups} models; {why}.", groups=len(view.groups), why=why)


def why_title(view: View, group: ModelGroup | None = None) -> str:
    """The heading of the paragraph of reasons, for one of several models or the one to take."""
    index = group.recommended if group is not None else view.recommendation.index
    if index is not None:
        return tr("★ Why {name}.", name=view.rows[index].variant.name)
    return tr("Nothing recommended.") if view.rows else tr("Nothing to run.")


def context_words(tokens: int) -> str:
    """``16k context``"""
    return tr("{tokens} context", tokens=tokens_text(tokens))


def _licence(tag: str) -> str:
    """A licence tag as people write it: ``Apache-2.0``."""
    return {"apache-2.0": tr("Apache-2.0"), "mit": "MIT"}.get(tag, tag)


def _band(quality: Quality) -> str:
    if quality.kld_low is None or quality.kld_high is None:
        return ""
    low, high = kld_text(quality.kld_low), kld_text(quality.kld_high)
    return f"KLD {low}" if low == high else tr("KLD {low}–{high}", low=low, high=high)


def kld_text(value: float) -> str:
    """A KL divergence as it is shown everywhere."""
    return f"{value:.3f}" if value < 0.01 else f"{value:.2f}"


def rough_words(options: Iterable[Option]) -> str:
    """What "~" before their figures means, in a line; "" where there is none."""
    shown = tuple(options)
    memory = any(option.fit is not None and option.fit.method == "estimate" for option in shown)
    speed = any(option.speeds is not None and is_rough(option.speeds) for option in shown)
    return " · ".join(words for words, said in ((ROUGH_MEMORY, memory), (ROUGH_SPEED, speed)) if said)
