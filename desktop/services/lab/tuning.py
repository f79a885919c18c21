"""Finding the load settings that are fastest here, or the best variant that reaches a speed, as a job.

One setting after the other (threads, flash attention, the cache's types, devices, tokens read at once, speculation),
each with the best of those before: options of a step take turns, round by round. What the predictions settle is not
measured: an option that would take half as long again as the best. A step changes nothing for less than what rounds
differ by anyway. What was measured is kept until the job is done, so that it goes on where it was.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from desktop.core import naming
from desktop.core.cancelled import Cancelled, never
from desktop.core.errors import HeftError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.progress import Report, unheard
from desktop.core.words import tr
from desktop.engine.helper_process import Tool
from desktop.engine.tools.bencher import Answer
from desktop.services.job_kinds import Run
from desktop.services.job_work import Work, perform
from desktop.services.jobs import JobService
from desktop.services.lab.hashes import FileHashes
from desktop.services.lab.kept_work import KeptWork
from desktop.services.lab.quantizing import versions
from desktop.services.lab.side import Start
from desktop.services.lab.tune_steps import possible, speculations, steps
from desktop.services.lab.tune_trials import (
    Step,
    Timer,
    Tried,
    document_of,
    predicted_seconds,
    step_seconds,
)
from desktop.services.models.kind_words import cannot_chat
from desktop.services.models.library import LibraryModel, LibraryService
from desktop.services.planning.service import PlanningService
from desktop.store.paths import Paths

TUNE = "tune"  # the kind of job
_WORTH = 1.03  # as fast, before a setting is changed for it
_SETTLED = 1.5  # times the best prediction, from where on an option is not measured
_HOPELESS = 0.5  # of the target, below which a variant is not measured
_FIRST = Step("as Heft would", (LoadSettings(),))
# what tuning decides: of what was remembered of a model before, these go
_DECIDED = dict.fromkeys(("cache_type_k", "cache_type_v", "flash_attention", "speculation", "draft"))
BestFirst = Callable[[Sequence[LibraryModel]], tuple[LibraryModel, ...]]


class TuneOrder(msgspec.Struct, frozen=True):
    """``target`` tokens per second while writing, 0 for the fastest; ``context`` in tokens (0: as remembered)."""

    model: str
    target: float
    context: int


class Tuned(msgspec.Struct, frozen=True):
    """The winner's model and what is remembered of it now; ``reached`` is false where no variant reaches the target.
    ``gain`` is how much faster it answers than with Heft's own choice, 1.0 where that won."""

    model: str
    path: str
    remembered: dict[str, str | int | None]
    prompt: float
    generate: float
    gain: float
    reached: bool
    tried: tuple[Tried, ...]


@dataclass(frozen=True)
class TuneProspect:
    """``seconds`` about (None: not known) for ``options`` that may be measured, of ``variants`` of the model."""

    order: TuneOrder
    source: LibraryModel
    variants: tuple[LibraryModel, ...]
    options: int
    seconds: float | None


class TuningService:
    """Calls may come from any thread."""

    def __init__(
        self,
        paths: Paths,
        jobs: JobService,
        library: LibraryService,
        planning: Callable[[], PlanningService],
        hashes: FileHashes,
        start: Start,
        best_first: BestFirst,
    ) -> None:
        """``start`` loads a model to answer; ``best_first`` sorts variants of one model by what they lose."""
        self._paths, self._jobs, self._library = paths, jobs, library
        self._planning, self._hashes, self._start = planning, hashes, start
        self._best_first = best_first
        self._kind = KeptWork[TuneOrder, Tuned](TUNE, TuneOrder, self._tune, paths.jobs, tuned_words)
        self._kind.state_file = self._state_file
        jobs.register(self._kind)

    def prospect(
        self, model: str, target: float = 0.0, context: int = 0, *, cancelled: Cancelled = never
    ) -> TuneProspect:
        """What it may take. Raises HeftError: not found, no language model, UsageError for a speed below zero."""
        if target < 0:
            raise UsageError(tr("A speed below zero is none."), tr("Name tokens per second, such as 20."))
        source = self._library.resolve(model)
        if source.fault is not None:
            raise source.fault.error(source.title)
        if not source.kind.writes_text:
            raise cannot_chat(source.title, source.kind)
        order = TuneOrder(str(source.path), target, context)
        variants = self._variants(source, target, cancelled)
        options, seconds = 0, 0.0
        for one in variants:
            plan = self._plan(one, order, LoadSettings(), cancelled)
            for step in (_FIRST, *self._steps(one, order, plan, cancelled)):
                options += len(step.options)
                seconds += step_seconds(plan, step)
        return TuneProspect(order, source, variants, options, seconds if seconds == seconds else None)

    def tune(self, prospect: TuneProspect, *, progress: Report = unheard, cancelled: Cancelled = never) -> Tuned:
        """Measure and remember, as a job, and wait. Raises HeftError, CancelledError."""
        name = tr("Tuning of {title}", title=prospect.source.title)
        return perform(self._jobs, self._kind, name, prospect.order, progress=progress, cancelled=cancelled)

    def _variants(self, source: LibraryModel, target: float, cancelled: Cancelled) -> tuple[LibraryModel, ...]:
        """The files of the same model, the one that loses least first, where a speed is wanted; else this one."""
        if not target:
            return (source,)
        name = naming.base_name(source.path.name).casefold()
        found = [
            one
            for one in self._library.scan(cancelled=cancelled)
            if one.fault is None and one.kind.writes_text and naming.base_name(one.path.name).casefold() == name
        ]
        if all(one.path != source.path for one in found):
            found.append(source)
        return self._best_first(found)

    def _plan(self, model: LibraryModel, order: TuneOrder, settings: LoadSettings, cancelled: Cancelled) -> LoadPlan:
        """As Heft would load it with these settings and no others that were remembered but the context. Raises
        CannotSpeculateError."""
        known = self._planning().settings_of(model.ref)
        context = order.context or known.context
        usual = LoadSettings(context=context, speculation="off")
        explicit = LoadSettings(cache_type_k="f16", cache_type_v="f16", flash_attention="auto")
        return self._planning().for_load(model.ref, settings.over(explicit).over(usual), cancelled)

    def _steps(self, model: LibraryModel, order: TuneOrder, plan: LoadPlan, cancelled: Cancelled) -> tuple[Step, ...]:
        """What is tried of a model that would be loaded like ``plan``."""

        def loads(settings: LoadSettings) -> bool:
            return self._plan(model, order, settings, cancelled).fits

        others = self._library.scan(cancelled=cancelled)
        draft = self._planning().settings_of(model.ref).draft or ""
        return (*steps(plan), speculations(model, others, draft, loads))

    # -- doing --------------------------------------------------------------------------------------

    def _tune(self, work: Work[TuneOrder, Tuned], run: Run) -> Tuned:
        order, cancelled = work.order, lambda: run.stopped
        source = self._library.resolve(order.model)
        tried: list[Tried] = []
        best: tuple[LibraryModel, LoadSettings, Tried, float] | None = None
        tool = Tool[Any]("desktop.engine.tools.bencher", Answer, self._paths.scratch, self._paths.logs / "bencher.log")
        reached = False
        try:
            for model in self._variants(source, order.target, cancelled):
                plan = self._plan(model, order, LoadSettings(), cancelled)
                predicted = plan.speeds.empty.expected if plan.speeds else 0.0
                if order.target and predicted and predicted < order.target * _HOPELESS:
                    tried.append(Tried(model.title, str(model.path), "variant", {}, 0.0, 0.0, predicted))
                    continue
                if not plan.fits:
                    continue
                found = self._best_of(order, model, tool, tried, run)
                _, winner, _ = found
                if best is None or winner.seconds < best[2].seconds:
                    best = (model, *found)
                if order.target and winner.generate >= order.target:
                    best, reached = (model, *found), True
                    break
        finally:
            tool.close()
        if best is None:
            raise _none_reaches(source, order.target, tried)
        model, settings, winner, gain = best
        planning = self._planning()
        planning.remember(model.ref, settings.over(replace(planning.settings_of(model.ref), **_DECIDED)))
        with contextlib.suppress(OSError):
            self._state_file(order).unlink(missing_ok=True)
        marked = tuple(msgspec.structs.replace(one, won=one is winner) for one in tried)
        return Tuned(
            model.title, str(model.path), document_of(settings), winner.prompt, winner.generate, gain,
            reached or not order.target, marked,
        )  # fmt: skip

    def _best_of(
        self, order: TuneOrder, model: LibraryModel, tool: Tool[Any], tried: list[Tried], run: Run
    ) -> tuple[LoadSettings, Tried, float]:
        """A model's best settings, their row, and how many times as fast it answers as with Heft's own choice. Stops
        where the target is reached."""

        def stopped() -> bool:
            return run.stopped

        digest = self._hashes.of_model(model.files, run.report, stopped)
        timer = Timer(
            model, digest, versions()[0], self._state_file(order),
            lambda settings: self._plan(model, order, settings, stopped), tool, self._start, run,
        )  # fmt: skip
        settings, gain = LoadSettings(), 1.0
        timer.measure([settings], _FIRST)
        best = timer.row(settings, _FIRST, LoadSettings())
        tried.append(best)
        for step in self._steps(model, order, timer.plan(settings), stopped):
            if order.target and best.generate >= order.target:
                break
            options = [option for option in step.options if possible(option.over(settings))]
            asked = [option.over(settings) for option in options]
            soon = predicted_seconds(timer.plan(settings))
            measured = [one for one in asked if _in_question(timer.plan(one), soon)]
            if not measured:
                tried += [timer.row(one, step, option) for option, one in zip(options, asked, strict=True)]
                continue
            timer.measure([settings, *measured] if step.of_its_own else measured, step)
            rate = best.prompt
            before = best
            if step.of_its_own:
                before = msgspec.structs.replace(timer.row(settings, step, LoadSettings(), rate), again=True)
                tried.append(before)
            nearest, chosen = before, settings
            for option, one in zip(options, asked, strict=True):
                row = timer.row(one, step, option, rate)
                tried.append(row)
                if row.seconds < nearest.seconds and row.seconds * _WORTH < before.seconds:
                    nearest, chosen = row, one
            if nearest is not before:
                gain *= before.seconds / nearest.seconds
                best, settings = nearest, chosen
        return settings, best, gain

    def _state_file(self, order: TuneOrder) -> Path:
        return self._paths.data / "lab" / f"tune-{self._kind.id_of(order)}.msgpack"


def _none_reaches(source: LibraryModel, target: float, tried: Sequence[Tried]) -> HeftError:
    nearest = max((one.predicted for one in tried), default=0.0)
    if not nearest:
        return HeftError(
            tr("No file of {title} fits into this computer's memory now.", title=source.title),
            tr("Close other programs, or make a smaller variant."),
            kind=FailureKind.OUT_OF_MEMORY,
        )
    return UsageError(
        tr(
            "No file of {title} at hand comes near {target:g} tokens per second here: the "
            "fastest would write about {nearest:.3g}.",
            title=source.title,
            target=target,
            nearest=nearest,
        ),
        tr("Ask for less, or make a smaller variant."),
    )


def _in_question(plan: LoadPlan, soon: float) -> bool:
    """Whether it fits, and the prediction does not settle that it is slower than ``soon`` seconds."""
    seconds = predicted_seconds(plan)
    return plan.fits and not (soon and seconds and seconds > soon * _SETTLED)


def tuned_words(found: Tuned) -> str:
    """What came of it, for the list."""
    return tr("{model}: {generate:.3g} tokens per second while writing", model=found.model, generate=found.generate)
