"""Writes predictions and measurements of every load and run, and tells how far they agree."""

from __future__ import annotations

import logging
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from desktop.core.errors import HeftError
from desktop.core.load_plan import LoadPlan, Measured
from desktop.core.load_settings import LoadSettings, kv_words
from desktop.core.memory import Memory as PlannedMemory
from desktop.core.placement import Fit
from desktop.core.speed import Speeds
from desktop.core.speed.learning import errors
from desktop.core.words import tr
from desktop.engine.api import Benchmarked, Loaded, Memory, Statistics
from desktop.engine.server.program import engine_version
from desktop.engine.tools.waiting import waited_seconds
from desktop.services.planning.local_files import LocalModel, read_local
from desktop.services.planning.offload import shortfall
from desktop.services.planning.speed import Predicted, SpeedService
from desktop.store.ledger import Figures, Ledger, Run

LEAST_TOKENS = 8  # a rate over fewer tokens is noise
LEAST_PROMPT = 64
_CLOSE = 0.9  # "in 9 of 10 runs within": the part of the runs the sentence speaks of

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Running:
    """A loaded model with its plan. ``model`` is None for a file whose header says too little."""

    loaded: Loaded
    plan: LoadPlan
    model: LocalModel | None

    @property
    def fit(self) -> Fit | None:
        """Where it is in fact: fewer layers may have found room on the GPUs than were planned. None where it was not
        planned, or is on other devices than planned.
        """
        fit, loaded, missing = self.plan.fit, self.loaded, shortfall(self.plan, self.loaded)
        if fit is None or (missing is not None and missing.cause in ("other-device", "not-computed")):
            return None
        return replace(fit, gpu_layers=loaded.gpu_layers, cpu_expert_layers=loaded.cpu_expert_layers)

    @property
    def devices(self) -> str:
        """Those that hold layers, as :attr:`desktop.core.placement.Fit.gpu_names` has them."""
        pools = self.plan.fit.pools if self.plan.fit is not None else ()
        names = {pool.engine_device: pool.name for pool in pools}
        held = [device for device in self.loaded.devices[1:] if device.weights_bytes]
        return " + ".join(names.get(device.name) or device.description or device.name for device in held)

    @property
    def flash(self) -> bool:
        """Whether it was loaded with flash attention, as far as its devices can."""
        return self.loaded.flash_attention != "off"

    @property
    def memory(self) -> dict[str, int]:
        """Bytes by component, as planned; nothing where it was not, or is not loaded as planned."""
        fit = self.plan.fit
        if fit is None or self.loaded.gpu_layers != fit.gpu_layers:
            return {}
        return _components(fit.memory)


@dataclass(frozen=True)
class RunMeter:
    """The moment a run began, and how long the engine's threads had waited for a core by then; seconds."""

    pid: int
    began: float
    waited: float

    @classmethod
    def start(cls, pid: int) -> RunMeter:
        """Watch the engine process from now on."""
        return cls(pid, time.monotonic(), waited_seconds(pid))

    def disturbed(self) -> float:
        """Part of the time since then that its threads waited for a core another program had."""
        passed = time.monotonic() - self.began
        return max(0.0, waited_seconds(self.pid) - self.waited) / passed if passed > 0 else 0.0


@dataclass(frozen=True)
class ComparedRun:
    """One run as the chart shows it: tokens per second, or bytes."""

    predicted: float
    measured: float
    title: str
    detail: str


@dataclass(frozen=True)
class Trust:
    """How far to trust Heft on this computer: both clouds of points, newest first, and what they say.

    ``speed_words`` also say why there is no point of speed yet, "" only where nothing was run; ``reading_words`` are
    about reading prompts, "" where none was long enough.
    """

    speed: tuple[ComparedRun, ...]
    memory: tuple[ComparedRun, ...]
    speed_words: str
    memory_words: str
    reading_words: str = ""


class LedgerService:
    """Predicts before, records after. Nothing here raises for a ledger that cannot be written: an answer goes on."""

    def __init__(self, ledger: Ledger, speed: SpeedService) -> None:
        self._ledger = ledger
        self._speed = speed
        self._lock = threading.Lock()
        self._models: dict[str, LocalModel | None] = {}

    def started(self, loaded: Loaded, plan: LoadPlan) -> Running:
        """Hold a load against its plan, and write both down."""
        running = Running(loaded, plan, self._model(Path(loaded.path)))
        self._add(
            running,
            "load",
            Measured(memory=_components(loaded.memory), resident_bytes=loaded.memory.resident_bytes),
        )
        return running

    def predict(self, running: Running, context_used: int) -> Predicted | None:
        """The speed to expect with so many tokens in the context; None where nothing is known."""
        fit = running.fit
        if running.model is None or fit is None:
            return None
        try:
            threads, flash = running.loaded.threads, running.flash
            return self._speed.predict(running.model, fit, context_used, threads, flash=flash)
        except (HeftError, ValueError, OSError) as error:
            _log.warning("no speed was predicted: %s", error)
            return None

    def speeds(self, running: Running) -> Speeds | None:
        """The speed from an empty to a full context: the plan's own, unless fewer layers found room than it has."""
        plan, fit, model = running.plan, running.fit, running.model
        if plan.fit is None or fit is None or fit.gpu_layers == plan.fit.gpu_layers:
            return plan.speeds
        if model is None:
            return None
        try:
            rates, about = self._speed.on(self._speed.machine_for(fit)), (model.fingerprint, running.loaded.threads)
            return rates.speeds(model.shape, model.weights, model.quantization, fit, *about, flash=running.flash)
        except (HeftError, ValueError, OSError) as error:
            _log.warning("no speed was predicted: %s", error)
            return None

    def answered(self, running: Running, statistics_: Statistics, meter: RunMeter) -> None:
        """Write an answer down, when it was long enough to be a measurement; ``watch`` began with it."""
        read = statistics_.prompt_tokens - statistics_.reused_tokens
        decode = statistics_.tokens_per_second if statistics_.generated_tokens >= LEAST_TOKENS else 0.0
        prompt = statistics_.prompt_tokens_per_second if read >= LEAST_PROMPT else 0.0
        # Others had the cores: the speed says nothing of this computer's.
        given_up = statistics_.given_up_threads / max(1, running.loaded.threads)
        middle = max(1, statistics_.context_used - statistics_.generated_tokens // 2)
        self._add(
            running,
            "answer",
            Measured(
                decode=decode,
                prompt=prompt,
                seconds_to_first_token=statistics_.seconds_to_first_token,
                context_used=middle,
                tokens=statistics_.generated_tokens,
                resident_bytes=statistics_.resident_bytes,
                disturbed=max(meter.disturbed(), given_up),
                drafted=statistics_.drafted_tokens,
                accepted=statistics_.accepted_tokens,
            ),
        )

    def benched(self, running: Running, result: Benchmarked, prompt_tokens: int, tokens: int, meter: RunMeter) -> None:
        """Write a benchmark down: the medians of its rounds."""
        decode = statistics.median(result.tokens_per_second) if result.tokens_per_second else 0.0
        prompt = statistics.median(result.prompt_tokens_per_second) if result.prompt_tokens_per_second else 0.0
        used = max(1, tokens // 2)
        prompt = prompt if prompt_tokens >= LEAST_PROMPT else 0.0
        found = Measured(
            decode=decode, prompt=prompt, context_used=used, tokens=tokens, disturbed=meter.disturbed(),
            drafted=result.drafted_tokens,
        )  # fmt: skip
        self._add(running, "bench", found)

    def trust(self) -> Trust:
        """Predicted against measured on this computer. Raises HeftError when the ledger cannot be read."""
        runs = self._ledger.runs(self._speed.key)
        speed = tuple(
            ComparedRun(run.figures.predicted_decode, run.figures.measured_decode, _title(run), _detail(run))
            for run in runs
            if run.figures.predicted_decode > 0 and run.figures.measured_decode > 0 and run.figures.tells_speed
        )
        memory = tuple(
            ComparedRun(
                float(sum(run.figures.predicted_memory.values())),
                float(sum(run.figures.measured_memory.values())),
                _title(run),
                _detail(run),
            )
            for run in runs
            if run.figures.predicted_memory and run.figures.measured_memory
        )
        reading = [
            (run.figures.predicted_prompt, run.figures.measured_prompt) for run in runs if run.figures.tells_speed
        ]
        return Trust(
            speed,
            memory,
            _speed_words(runs, speed),
            _words("memory", [(run.predicted, run.measured) for run in memory]),
            _words(tr("reading speed"), reading),
        )

    # -- inside ----------------------------------------------------------------------------------

    def _model(self, path: Path) -> LocalModel | None:
        with self._lock:
            if str(path) not in self._models:
                self._models = {str(path): read_local(path)}
            return self._models[str(path)]

    def _add(self, running: Running, what: Literal["load", "answer", "bench"], measured: Measured) -> None:
        """Write a run down; a run of which no speed was measured says nothing."""
        loaded, plan, model = running.loaded, running.plan, running.model
        if loaded.batch != LoadSettings().batch_at(loaded.context_length):
            measured = replace(
                measured, prompt=0.0
            )  # how fast other batches are read teaches nothing of the usual ones
        if what != "load" and not (measured.decode or measured.prompt):
            return
        predicted = self.predict(running, measured.context_used) if what != "load" else None
        try:
            self._ledger.add(
                Run(
                    at=time.time(),
                    machine=self._speed.key,
                    engine=engine_version(),
                    what=what,
                    model=plan.ref.name,
                    path=loaded.path,
                    fingerprint=model.fingerprint if model is not None else "",
                    quantization=model.quantization if model is not None else "",
                    context=loaded.context_length,
                    kv_type=kv_words((loaded.cache_type_k, loaded.cache_type_v)),
                    gpu_layers=loaded.gpu_layers,
                    threads=loaded.threads,
                    devices=running.devices,
                    flash_attention=loaded.flash_attention,
                    cpu_expert_layers=loaded.cpu_expert_layers,
                    figures=_figures(measured, predicted, running.memory if what == "load" else {}),
                )
            )
        except HeftError as error:
            _log.warning("a run was not written down: %s", error.message)


def _figures(measured: Measured, predicted: Predicted | None, memory: dict[str, int]) -> Figures:
    figures = Figures(
        measured_decode=measured.decode,
        measured_prompt=measured.prompt,
        seconds_to_first_token=measured.seconds_to_first_token,
        context_used=measured.context_used,
        tokens=measured.tokens,
        predicted_memory=memory,
        measured_memory=measured.memory,
        resident_bytes=measured.resident_bytes,
        disturbed=measured.disturbed,
        drafted=measured.drafted,
        accepted=measured.accepted,
    )
    if predicted is None:
        return figures
    shown, plain = predicted.shown, predicted.uncorrected
    return msgspec.structs.replace(
        figures,
        predicted_decode=shown.decode.expected,
        predicted_low=shown.decode.low,
        predicted_high=shown.decode.high,
        model_decode=plain.decode.expected,
        predicted_prompt=shown.prompt.expected,
        model_prompt=plain.prompt.expected,
        method=shown.method,
    )


def _components(memory: Memory | PlannedMemory) -> dict[str, int]:
    """Bytes by component, all devices together."""
    return {
        "weights": memory.weights_bytes,
        "kv": memory.kv_bytes,
        "recurrent": memory.recurrent_bytes,
        "compute": memory.compute_bytes,
        "output": memory.output_bytes,
        **({"draft": memory.draft_bytes} if memory.draft_bytes else {}),
    }


def _title(run: Run) -> str:
    return f"{run.model} {run.quantization}".strip()


def _detail(run: Run) -> str:
    day = datetime.fromtimestamp(run.at).strftime("%d %b %Y, %H:%M")
    where = f"{run.threads} threads"
    if run.gpu_layers:
        where = tr("{gpu_layers} layers on {devices}", gpu_layers=run.gpu_layers, devices=run.devices or tr("the GPU"))
    return tr("{day} · context {context:,} · {where}", day=day, context=run.context, where=where)


def _speed_words(runs: Sequence[Run], points: Sequence[ComparedRun]) -> str:
    """How good the predictions of speed were, and which answers say nothing of it; "" where nothing was run."""
    answers = [run.figures for run in runs if run.figures.measured_decode > 0]
    busy = sum(figures.was_disturbed for figures in answers)
    guessed = sum(bool(figures.drafted) and not figures.was_disturbed for figures in answers)
    said = [_words("speed", [(point.predicted, point.measured) for point in points])]
    if runs and not points:
        said.append(tr("No answer says yet how good Heft's speed predictions are: ask a loaded model something."))
    if busy:
        said.append(tr("{busy} left out here: other programs had the processor meanwhile.", busy=_answers(busy)))
    if guessed:
        said.append(tr("{guessed} left out here: tokens were guessed ahead (speculation).", guessed=_answers(guessed)))
    return " ".join(filter(None, said))


def _answers(count: int) -> str:
    return tr("1 answer is") if count == 1 else tr("{count:,} answers are", count=count)


def _words(what: str, pairs: Sequence[tuple[float, float]]) -> str:
    """ "Heft's speed predictions on this computer were within 6% in 14 of 15 runs, half of them within 3%." """
    found = errors(pairs)
    if not found:
        return ""
    if len(found) == 1:
        return tr(
            "Heft's {what} prediction on this computer was within {found} in its only run.",
            what=what,
            found=_percent(found[0]),
        )
    count = max(1, round(_CLOSE * len(found)))
    within, half = _percent(found[count - 1]), _percent(statistics.median(found))
    while count < len(found) and _percent(found[count]) == within:  # as they are said, more of them are
        count += 1
    runs = (
        tr("in {count} of {found} runs", count=count, found=len(found))
        if count < len(found)
        else tr("in all {count} runs", count=count)
    )
    closer = tr(", half of them within {half}", half=half) if half != within else ""
    return tr(
        "Heft's {what} predictions on this computer were within {within} {runs}{closer}.",
        what=what,
        within=within,
        runs=runs,
        closer=closer,
    )


def _percent(error: float) -> str:
    return f"{max(1, round(error * 100))}%"
