"""What tuning tries of a model: settings one by one, beside what Heft would choose."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import psutil

from desktop.core.errors import UsageError
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.services.lab import tune_trials
from desktop.services.lab.tune_trials import Step
from desktop.services.models.library import LibraryModel
from desktop.system.cores import physical_threads

_BATCHES = (128, 1024, 2048)  # tokens
_SMALLER = 4  # times, at least: a draft model that is no smaller takes as long as what it guesses for
_DRAFTS_LOOKED_AT, _DRAFTS_TRIED = 8, 2


def steps(plan: LoadPlan) -> Iterator[Step]:
    """What is computed otherwise, one setting at a time, from the plan's own choice."""
    cores, logical = physical_threads(), psutil.cpu_count() or 1
    counts = {cores, max(1, cores // 2), max(1, cores - 1), logical} - {plan.threads}
    yield Step("threads", tuple(LoadSettings(threads=count) for count in sorted(counts)))
    yield Step("flash attention", (LoadSettings(flash_attention="off"),))
    yield Step("KV cache", (LoadSettings(cache_type_k="q8_0", cache_type_v="q8_0"),))
    if plan.gpu_layers:
        yield Step("GPU", (LoadSettings(gpu_layers=plan.gpu_layers // 2), LoadSettings(devices="none")))
        if plan.experts:
            own = plan.cpu_expert_layers
            counts = {max(0, own - 2), own + 2} - {own}
            yield Step("experts", tuple(LoadSettings(cpu_expert_layers=count) for count in sorted(counts)))
    batches = tuple(LoadSettings(batch=size) for size in _BATCHES if size <= plan.context and size != plan.batch)
    yield Step("tokens read at once", batches, prompt=min(tune_trials.LONG_PROMPT, plan.context))


def speculations(
    model: LibraryModel, others: Sequence[LibraryModel], named: str, loads: Callable[[LoadSettings], bool]
) -> Step:
    """The ways to guess tokens that this model has: by what was said, by layers of its own, by small models at hand.

    ``named`` is a draft model that was set for it, "" for none. ``loads`` says whether a load with some settings fits;
    it raises UsageError where the models cannot do it.
    """

    def can(settings: LoadSettings) -> bool:
        try:
            return loads(settings)
        except UsageError:
            return False

    found = [LoadSettings(speculation="ngram")]
    if can(own := LoadSettings(speculation="mtp")):
        found.append(own)
    small = sorted(
        (
            one
            for one in others
            if one.fault is None and one.kind.writes_text and one.size_bytes * _SMALLER <= model.size_bytes
        ),
        key=lambda one: one.size_bytes,
    )
    names = dict.fromkeys(([named] if named else []) + [str(one.path) for one in small[:_DRAFTS_LOOKED_AT]])
    drafts = (LoadSettings(speculation="draft", draft=name) for name in names)
    for draft in drafts:
        if can(draft):
            found.append(draft)
        if sum(one.draft is not None for one in found) == _DRAFTS_TRIED:
            break
    return Step("speculation", tuple(found), spoken=True)


def possible(settings: LoadSettings) -> bool:
    """Whether an engine can do it at all."""
    try:
        settings.checked()
    except UsageError:
        return False
    return True
