"""How an option of a load is timed for tuning: the answers, the rounds in turns, and what is kept of them.

An option that changes how tokens are computed is timed as llama-bench does, by random tokens. What speculation gives
depends on the text: it is timed by answers to two prompts, one that says what was said before and one that does not.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from desktop.core.cancelled import Cancelled, CancelledError
from desktop.core.errors import EngineError
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings, as_document
from desktop.core.progress import Progress
from desktop.core.words import tr
from desktop.engine.api import ChatMessage, Event, Finished, Generate, Load, Sampling
from desktop.engine.helper_process import Tool
from desktop.engine.tools.bencher import Open, Opened, Time, Timed
from desktop.services.job_kinds import Run
from desktop.services.lab.side import Start, watched
from desktop.services.models.library import LibraryModel
from desktop.system.atomic import write_atomically

PROMPT, GENERATE, DEPTH = 512, 64, 512  # tokens of the answer that is timed, after so many others
LONG_PROMPT = 2048  # tokens, for what only a long prompt tells
SPOKEN = 96  # tokens of an answer to each of the prompts below
ROUNDS = 3
_KEEP_SECONDS = 5.0
_CODE = """def total(prices, discount):
    total = 0.0
    for price in prices:
        total = total + price
    if discount:
        total = total * (1.0 - discount)
    return round(total, 2)
"""
_PROMPTS = (
    "Write a short story about a lighthouse keeper who finds a letter.",
    f"Write this function again with the name amount in the place of total, and nothing else.\n\n{_CODE}",
)


@dataclass(frozen=True)
class Step:
    """Options that are tried beside what won before. ``prompt`` tokens are read; ``spoken``: answers are timed."""

    name: str
    options: tuple[LoadSettings, ...]
    prompt: int = 0
    spoken: bool = False

    @property
    def read(self) -> int:
        """Tokens that are read in it."""
        return self.prompt or PROMPT

    @property
    def of_its_own(self) -> bool:
        """Whether what won before has to be timed once more to be held against."""
        return self.spoken or bool(self.prompt)


class Tried(msgspec.Struct, frozen=True):
    """An option: ``changed`` is what it sets by its keys. Medians in tokens per second, 0 where it was not measured;
    ``predicted`` (writing) 0 where nothing is known. ``again``: what won before, timed as the others of its step."""

    model: str
    path: str
    step: str
    changed: dict[str, str | int | None]
    prompt: float
    generate: float
    predicted: float
    won: bool = False
    again: bool = False

    @property
    def seconds(self) -> float:
        """Of an answer of the usual lengths at these rates; infinite where it was not measured."""
        return PROMPT / self.prompt + GENERATE / self.generate if self.prompt and self.generate else float("inf")


class Kept(msgspec.Struct, frozen=True):
    """Rounds so far by model, way of timing and settings: nanoseconds of reading and of writing."""

    sign: str
    rounds: dict[str, list[tuple[int, int]]] = {}


def predicted_seconds(plan: LoadPlan) -> float:
    """Of the answer that is timed; 0 where nothing is known."""
    speeds = plan.speeds
    if speeds is None or speeds.prompt is None:
        return 0.0
    return PROMPT / speeds.prompt.expected + GENERATE / speeds.empty.expected


def step_seconds(plan: LoadPlan, step: Step) -> float:
    """What a step will take about; nan where nothing is known."""
    each, count = predicted_seconds(plan), len(step.options) + step.of_its_own
    if not each or plan.speeds is None:
        return float("nan")
    if step.spoken:
        return count * ROUNDS * len(_PROMPTS) * SPOKEN / plan.speeds.empty.expected
    return count * ROUNDS * (2 * each * step.read / PROMPT + DEPTH * each / (PROMPT + GENERATE))


class Timer:
    """Times options of one model in turns, and keeps what it measured in a file."""

    def __init__(
        self,
        model: LibraryModel,
        digest: str,
        sign: str,
        kept: Path,
        plan: Callable[[LoadSettings], LoadPlan],
        tool: Tool[Any],
        start: Start,
        run: Run,
    ) -> None:
        """``digest`` is that of the model's files, ``sign`` the engine's; what ``kept`` holds of others is not taken.
        ``plan`` says how a load with some settings would be, ``start`` loads it to answer."""
        self._model, self._digest, self._sign, self._path = model, digest, sign, kept
        self._plan, self._tool, self._start, self._run = plan, tool, start, run
        self._loaded: tuple[int, int, str] | None = None
        self._plans: dict[LoadSettings, LoadPlan] = {}
        self._rounds, self._written = self._known(), time.monotonic()

    def plan(self, settings: LoadSettings) -> LoadPlan:
        """How a load with these settings would be."""
        if settings not in self._plans:
            self._plans[settings] = self._plan(settings)
        return self._plans[settings]

    def measure(self, options: Sequence[LoadSettings], step: Step) -> None:
        """Those that are not measured yet, in turns. Raises HeftError, CancelledError: what was reached is kept."""
        total = ROUNDS * len(options)
        try:
            for number in range(ROUNDS):
                for at, one in enumerate(options):
                    done = self._rounds.setdefault(self._key(one, step), [])
                    if len(done) > number:
                        continue
                    note = f"{step.name}: {words_of(one) or 'as Heft would'}"
                    self._run.report(Progress(number * len(options) + at, total, "tests", note))
                    done.append(self._round(one, step))
                    if time.monotonic() - self._written > _KEEP_SECONDS:
                        self._keep()
                    if self._run.stopped:
                        raise CancelledError
        finally:
            self._keep()

    def row(self, settings: LoadSettings, step: Step, option: LoadSettings, reading: float = 0.0) -> Tried:
        """An option in the table; not measured where the predictions settled it. ``reading`` is the rate of a step
        that times no reading."""
        rounds = self._rounds.get(self._key(settings, step), ())
        medians = [statistics.median(column) for column in zip(*rounds, strict=True)] or [0.0, 0.0]
        read, wrote = (
            count * 1e9 / taken if taken else 0.0 for count, taken in zip((step.read, GENERATE), medians, strict=True)
        )
        speeds = self.plan(settings).speeds
        return Tried(
            self._model.title, str(self._model.path), step.name, document_of(option),
            reading if step.spoken and wrote else read, wrote, speeds.empty.expected if speeds else 0.0,
        )  # fmt: skip

    def _round(self, settings: LoadSettings, step: Step) -> tuple[int, int]:
        if step.spoken:
            return 0, self._spoken(settings)
        return self._time(settings, step.read, 0), self._time(settings, 0, GENERATE)

    def _time(self, settings: LoadSettings, prompt: int, generate: int) -> int:
        plan, stopped = self.plan(settings), lambda: self._run.stopped
        load = (plan.gpu_layers, plan.cpu_expert_layers, plan.devices)
        if load != self._loaded:
            opened = self._tool.call(Open(str(self._model.path), *load), cancelled=stopped)
            assert isinstance(opened, Opened)
            self._loaded = load
        request = Time(
            prompt, generate, DEPTH, plan.batch, plan.batch, plan.threads, plan.kv_types[0], plan.kv_types[1],
            plan.flash_attention,
        )  # fmt: skip
        found = self._tool.call(request, cancelled=stopped)
        assert isinstance(found, Timed)
        return found.ns

    def _spoken(self, settings: LoadSettings) -> int:
        """Nanoseconds for so many tokens as :data:`GENERATE` at the rate at which answers are written."""
        if self._loaded is not None:  # its memory is the server's now
            self._tool.close()
            self._loaded = None
        stopped: Cancelled = lambda: self._run.stopped  # noqa: E731
        tokens = seconds = 0.0
        server = self._start(Load.of(self.plan(settings)), stopped, lambda _fraction: None)
        try:
            for prompt in _PROMPTS:
                request = Generate(
                    0, (ChatMessage("user", prompt),), sampling=Sampling(temperature=0.0, seed=1),
                    max_tokens=SPOKEN,
                )  # fmt: skip
                ended: list[Finished] = []

                def tell(event: Event, ended: list[Finished] = ended) -> None:
                    if isinstance(event, Finished):
                        ended.append(event)

                with watched(server, stopped):
                    server.answer(request, tell)
                if stopped() or not ended:
                    raise CancelledError
                figures = ended[0].statistics
                if figures.tokens_per_second > 0:
                    tokens += figures.generated_tokens
                    seconds += figures.generated_tokens / figures.tokens_per_second
        finally:
            server.close()
        if not seconds:
            raise EngineError(
                tr("The model wrote nothing, so its speed could not be measured."), tr("Tune another variant of it.")
            )
        return round(GENERATE * seconds / tokens * 1e9)

    def _key(self, settings: LoadSettings, step: Step) -> str:
        way = "spoken" if step.spoken else str(step.read)
        return f"{self._digest}|{way}|{msgspec.json.encode(document_of(settings)).decode()}"

    def _keep(self) -> None:
        """What was measured so far; where the disk is full, it would be measured again, and nothing else."""
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, msgspec.msgpack.encode(Kept(self._sign, self._rounds)))
        self._written = time.monotonic()

    def _known(self) -> dict[str, list[tuple[int, int]]]:
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            kept = msgspec.msgpack.decode(self._path.read_bytes(), type=Kept)
            if kept.sign == self._sign:
                return kept.rounds
        return {}


def document_of(settings: LoadSettings) -> dict[str, str | int | None]:
    """What is set, by its keys."""
    return {key: value for key, value in as_document(settings).items() if value is not None}


def words_of(settings: LoadSettings) -> str:
    """The same in a line."""
    return " ".join(f"{key}={value}" for key, value in document_of(settings).items())
