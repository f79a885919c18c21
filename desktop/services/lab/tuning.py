"""Finding the load settings that are fastest here, or the best variant that reaches a speed, as a job.

One setting after the other (threads, flash attention, the cache's types, devices), each with the best of those before:
options of a step take turns, round by round. What the predictions settle is not measured: an option that would take
half as long again as the best. A step changes nothing for less than what rounds differ by anyway. What was measured is
kept until the job is done, so that it goes on where it was.
"""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import psutil

from desktop.core import naming
from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import HeftError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings, as_document
from desktop.core.progress import Progress, Report, unheard
from desktop.core.words import tr
from desktop.engine.helper_process import Tool
from desktop.engine.tools.bencher import Answer, Open, Opened, Time, Timed
from desktop.services.job_kinds import Run
from desktop.services.job_work import Work, perform
from desktop.services.jobs import JobService
from desktop.services.lab.hashes import FileHashes
from desktop.services.lab.kept_work import KeptWork
from desktop.services.lab.quantizing import versions
from desktop.services.models.kind_words import cannot_chat
from desktop.services.models.library import LibraryModel, LibraryService
from desktop.services.planning.service import PlanningService
from desktop.store.paths import Paths
from desktop.system.atomic import write_atomically
from desktop.system.cores import physical_threads

TUNE = "tune"  # the kind of job
PROMPT, GENERATE, DEPTH = 512, 64, 512  # tokens of the answer that is timed, after so many others
ROUNDS = 3
_WORTH = 1.03  # as fast, before a setting is changed for it
_SETTLED = 1.5  # times the best prediction, from where on an option is not measured
_HOPELESS = 0.5  # of the target, below which a variant is not measured


class TuneOrder(msgspec.Struct, frozen=True):
    """``target`` tokens per second while writing, 0 for the fastest; ``context`` in tokens (0: as remembered)."""

    model: str
    target: float
    context: int


class Tried(msgspec.Struct, frozen=True):
    """An option: ``changed`` is what it sets by its keys. Medians in tokens per second, 0 where it was not measured;
    ``predicted`` (writing) 0 where nothing is known."""

    model: str
    path: str
    step: str
    changed: dict[str, str | int | None]
    prompt: float
    generate: float
    predicted: float
    won: bool = False

    @property
    def seconds(self) -> float:
        """Of the answer that is timed; infinite where it was not measured."""
        return PROMPT / self.prompt + GENERATE / self.generate if self.prompt and self.generate else float("inf")


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


class _Kept(msgspec.Struct, frozen=True):
    sign: str
    times: dict[str, tuple[float, float]] = {}  # by model and settings: tokens per second of reading and writing


class TuningService:
    """Calls may come from any thread."""

    def __init__(
        self,
        paths: Paths,
        jobs: JobService,
        library: LibraryService,
        planning: Callable[[], PlanningService],
        hashes: FileHashes,
    ) -> None:
        self._paths, self._jobs, self._library = paths, jobs, library
        self._planning, self._hashes = planning, hashes
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
        for one in variants[:1] if not target else variants:
            plan = self._plan(one, order, LoadSettings(), cancelled)
            count = 1 + sum(len(step) for _, step in _steps(plan))
            options += count
            each = _predicted_seconds(plan)
            seconds += count * ROUNDS * (2 * each + DEPTH * each / (PROMPT + GENERATE)) if each else float("nan")
        return TuneProspect(order, source, variants, options, seconds if seconds == seconds else None)

    def tune(self, prospect: TuneProspect, *, progress: Report = unheard, cancelled: Cancelled = never) -> Tuned:
        """Measure and remember, as a job, and wait. Raises HeftError, CancelledError."""
        name = tr("Tuning of {title}", title=prospect.source.title)
        return perform(self._jobs, self._kind, name, prospect.order, progress=progress, cancelled=cancelled)

    def _variants(self, source: LibraryModel, target: float, cancelled: Cancelled) -> tuple[LibraryModel, ...]:
        """The files of the same model, the largest first, where a speed is wanted; else this one."""
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
        return tuple(sorted(found, key=lambda one: -one.size_bytes))

    def _plan(self, model: LibraryModel, order: TuneOrder, settings: LoadSettings, cancelled: Cancelled) -> LoadPlan:
        """As Heft would load it with these settings and no others that were remembered but the context."""
        known = self._planning().settings_of(model.ref)
        context = order.context or known.context
        usual = LoadSettings(context=context, speculation="off")
        explicit = LoadSettings(cache_type_k="f16", cache_type_v="f16", flash_attention="auto")
        return self._planning().for_load(model.ref, settings.over(explicit).over(usual), cancelled)

    # -- doing --------------------------------------------------------------------------------------

    def _tune(self, work: Work[TuneOrder, Tuned], run: Run) -> Tuned:
        order, cancelled = work.order, lambda: run.stopped
        source = self._library.resolve(order.model)
        tried: list[Tried] = []
        best: tuple[LibraryModel, LoadSettings, Tried, Tried] | None = None
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
                if best is None or found[1].seconds < best[2].seconds:
                    best = (model, *found)
                if order.target and found[1].generate >= order.target:
                    best, reached = (model, *found), True
                    break
        finally:
            tool.close()
        if best is None:
            raise _none_reaches(source, order.target, tried)
        model, settings, winner, first = best
        planning = self._planning()
        planning.remember(model.ref, settings.over(planning.settings_of(model.ref)))
        with contextlib.suppress(OSError):
            self._state_file(order).unlink(missing_ok=True)
        marked = tuple(msgspec.structs.replace(one, won=one is winner) for one in tried)
        return Tuned(
            model.title, str(model.path), _document(settings), winner.prompt, winner.generate,
            first.seconds / winner.seconds, reached or not order.target, marked,
        )  # fmt: skip

    def _best_of(
        self, order: TuneOrder, model: LibraryModel, tool: Tool[Any], tried: list[Tried], run: Run
    ) -> tuple[LoadSettings, Tried, Tried]:
        """A model's best settings, with its row and that of Heft's own choice. Stops where the target is reached."""
        timer = _Timer(self, order, model, tool, run)
        settings = LoadSettings()
        timer.measure([settings], tr("as Heft would"))
        first = best = timer.row(settings, tr("as Heft would"), LoadSettings())
        tried.append(first)
        for step, every in _steps(timer.plan(settings)):
            if order.target and best.generate >= order.target:
                break
            options = [option for option in every if _possible(option.over(settings))]
            asked = [option.over(settings) for option in options]
            soon = _predicted_seconds(timer.plan(settings))
            timer.measure([one for one in asked if _in_question(timer.plan(one), soon)], step)
            before = best
            for option, one in zip(options, asked, strict=True):
                row = timer.row(one, step, option)
                tried.append(row)
                if row.seconds < best.seconds and row.seconds * _WORTH < before.seconds:
                    best, settings = row, one
        return settings, best, first

    def _state_file(self, order: TuneOrder) -> Path:
        return self._paths.data / "lab" / f"tune-{self._kind.id_of(order)}.msgpack"


class _Timer:
    """Times options of one model in turns, and keeps what it measured."""

    def __init__(
        self, service: TuningService, order: TuneOrder, model: LibraryModel, tool: Tool[Any], run: Run
    ) -> None:
        self._service, self._order, self._model, self._tool, self._run = service, order, model, tool, run
        digest = service._hashes.of_model(model.files, run.report, lambda: run.stopped)
        self._sign = versions()[0]
        self._prefix = f"{digest}|"
        self._loaded: tuple[int, int, str] | None = None
        self._plans: dict[LoadSettings, LoadPlan] = {}
        self._path = service._state_file(order)
        self._times = self._kept()

    def plan(self, settings: LoadSettings) -> LoadPlan:
        """How a load with these settings would be."""
        if settings not in self._plans:
            self._plans[settings] = self._service._plan(self._model, self._order, settings, lambda: self._run.stopped)
        return self._plans[settings]

    def measure(self, options: Sequence[LoadSettings], step: str) -> None:
        """Those that are not measured yet, in turns."""
        missing = [one for one in options if self._key(one) not in self._times]
        samples: dict[LoadSettings, list[tuple[int, int]]] = {one: [] for one in missing}
        total = ROUNDS * len(missing)
        for number in range(ROUNDS):
            for at, one in enumerate(missing):
                note = f"{step}: {_words(one) or tr('as Heft would')}"
                self._run.report(Progress(number * len(missing) + at, total, "tests", note))
                samples[one].append((self._time(one, PROMPT, 0), self._time(one, 0, GENERATE)))
                if self._run.stopped:
                    raise CancelledError
        for one, found in samples.items():
            reading, writing = (statistics.median(column) for column in zip(*found, strict=True))
            self._times[self._key(one)] = (PROMPT * 1e9 / reading, GENERATE * 1e9 / writing)
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, msgspec.msgpack.encode(_Kept(self._sign, self._times)))

    def row(self, settings: LoadSettings, step: str, option: LoadSettings) -> Tried:
        """An option in the table; not measured where the predictions settled it."""
        reading, writing = self._times.get(self._key(settings), (0.0, 0.0))
        speeds = self.plan(settings).speeds
        return Tried(
            self._model.title, str(self._model.path), step, _document(option), reading, writing,
            speeds.empty.expected if speeds else 0.0,
        )  # fmt: skip

    def _time(self, settings: LoadSettings, prompt: int, generate: int) -> int:
        plan, stopped = self.plan(settings), lambda: self._run.stopped
        load = (plan.gpu_layers, plan.cpu_expert_layers, plan.devices)
        if load != self._loaded:
            opened = self._tool.call(Open(str(self._model.path), *load), cancelled=stopped)
            assert isinstance(opened, Opened)
            self._loaded = load
        request = Time(
            prompt, generate, DEPTH, 512, 512, plan.threads, plan.kv_types[0], plan.kv_types[1], plan.flash_attention
        )
        found = self._tool.call(request, cancelled=stopped)
        assert isinstance(found, Timed)
        return found.ns

    def _key(self, settings: LoadSettings) -> str:
        return self._prefix + msgspec.json.encode(_document(settings)).decode()

    def _kept(self) -> dict[str, tuple[float, float]]:
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            kept = msgspec.msgpack.decode(self._path.read_bytes(), type=_Kept)
            if kept.sign == self._sign:
                return kept.times
        return {}


def _steps(plan: LoadPlan) -> Iterator[tuple[str, list[LoadSettings]]]:
    """What is tried beside the plan's own choice, one setting at a time."""
    cores, logical = physical_threads(), psutil.cpu_count() or 1
    counts = {cores, max(1, cores // 2), max(1, cores - 1), logical} - {plan.threads}
    yield "threads", [LoadSettings(threads=count) for count in sorted(counts)]
    yield tr("flash attention"), [LoadSettings(flash_attention="off")]
    yield tr("KV cache"), [LoadSettings(cache_type_k="q8_0", cache_type_v="q8_0")]
    if plan.gpu_layers:
        yield "GPU", [LoadSettings(gpu_layers=plan.gpu_layers // 2), LoadSettings(devices="none")]
        if plan.experts:
            own = plan.cpu_expert_layers
            counts = {max(0, own - 2), own + 2} - {own}
            yield "experts", [LoadSettings(cpu_expert_layers=count) for count in sorted(counts)]


def _predicted_seconds(plan: LoadPlan) -> float:
    """Of the answer that is timed; 0 where nothing is known."""
    speeds = plan.speeds
    if speeds is None or speeds.prompt is None:
        return 0.0
    return PROMPT / speeds.prompt.expected + GENERATE / speeds.empty.expected


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


def _possible(settings: LoadSettings) -> bool:
    try:
        settings.checked()
    except UsageError:
        return False
    return True


def _in_question(plan: LoadPlan, soon: float) -> bool:
    """Whether it fits, and the prediction does not settle that it is slower than ``soon`` seconds."""
    seconds = _predicted_seconds(plan)
    return plan.fits and not (soon and seconds and seconds > soon * _SETTLED)


def _document(settings: LoadSettings) -> dict[str, str | int | None]:
    return {key: value for key, value in as_document(settings).items() if value is not None}


def _words(settings: LoadSettings) -> str:
    return " ".join(f"{key}={value}" for key, value in _document(settings).items())


def tuned_words(found: Tuned) -> str:
    """What came of it, for the list."""
    return tr("{model}: {generate:.3g} tokens per second while writing", model=found.model, generate=found.generate)
