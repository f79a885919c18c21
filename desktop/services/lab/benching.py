"""A matrix of speed tests as a job: tests take turns, round by round, and go on where they were.

Beside each stands what Heft predicts for it. A repetition during which other programs took the cores is done again, a
few times at most.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from desktop.core.bench_rows import BenchRow
from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import UsageError
from desktop.core.hardware import Machine
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import KV_TYPES, LoadSettings
from desktop.core.progress import Progress, Report, unheard
from desktop.core.words import tr
from desktop.engine.helper_process import Tool
from desktop.engine.tools.bencher import Answer, Open, Opened, Time, Timed
from desktop.services.job_kinds import Run
from desktop.services.job_work import Work, perform
from desktop.services.jobs import JobService
from desktop.services.lab.hashes import FileHashes, digest_of
from desktop.services.lab.kept_work import KeptWork
from desktop.services.lab.quantizing import versions
from desktop.services.models.kind_words import cannot_chat
from desktop.services.models.library import LibraryModel, LibraryService
from desktop.services.planning.service import PlanningService
from desktop.store.paths import Paths
from desktop.system.atomic import write_atomically

BENCH = "bench"  # the kind of job
MOST_TESTS = 200
UBATCH, BATCH = 512, 2048  # llama-bench's own
_WAITED = 0.03  # part of a repetition that its threads may have waited for a core
_AGAIN = 3  # times that a disturbed repetition is done anew
_KEEP_SECONDS = 5.0


class Test(msgspec.Struct, frozen=True):
    """One cell: ``prompt`` tokens read or ``generate`` written with ``depth`` before, with these settings. ``devices``
    as llama.cpp's --device, "" as the plan says."""

    prompt: int
    generate: int
    depth: int
    batch: int = BATCH
    ubatch: int = UBATCH
    threads: int = 0
    type_k: str = "f16"
    type_v: str = "f16"
    devices: str = ""

    @property
    def settings(self) -> LoadSettings:
        """How a load for it would be asked."""
        length = max(256, self.prompt + self.generate + self.depth)
        return LoadSettings(
            context=length, cache_type_k=_kv(self.type_k), cache_type_v=_kv(self.type_v),
            threads=self.threads or None, devices=self.devices or None,
        )  # fmt: skip


class BenchOrder(msgspec.Struct, frozen=True):
    """``tests`` of a model, each ``repeat`` times."""

    model: str
    tests: tuple[Test, ...]
    repeat: int


class BenchCell(msgspec.Struct, frozen=True):
    """A row with what was predicted for it (tokens per second, 0: nothing) and how many of its repetitions other
    programs disturbed."""

    row: BenchRow
    predicted: float
    disturbed: int


class Bench(msgspec.Struct, frozen=True):
    """What came of a matrix."""

    cells: tuple[BenchCell, ...]


class _Last(msgspec.Struct, frozen=True):
    """What was timed last of a model, by the engine of ``version``."""

    version: str
    bench: Bench


class _State(msgspec.Struct, frozen=True):
    """Times so far (ns) of each test, of files that are still the same (``sign``); how many were disturbed."""

    sign: str
    samples: tuple[tuple[int, ...], ...]
    disturbed: tuple[int, ...]


@dataclass(frozen=True)
class BenchProspect:
    """What it will take: ``seconds`` None where that is not known. ``predicted`` tokens per second of each test."""

    order: BenchOrder
    source: LibraryModel
    seconds: float | None
    predicted: tuple[float, ...]


def matrix(
    *,
    prompts: Sequence[int] = (512,),
    generates: Sequence[int] = (128,),
    depths: Sequence[int] = (0,),
    batches: Sequence[int] = (BATCH,),
    ubatches: Sequence[int] = (UBATCH,),
    threads: Sequence[int] = (0,),
    kv_types: Sequence[str] = ("f16",),
    devices: Sequence[str] = ("",),
) -> tuple[Test, ...]:
    """Every combination, reading and writing by themselves. UsageError for none, and for too many."""
    kinds = [(prompt, 0) for prompt in prompts if prompt] + [(0, count) for count in generates if count]
    unknown = [kind for kind in kv_types if kind not in KV_TYPES]
    if unknown:
        raise UsageError(
            tr("There is no type {unknown} of the KV cache.", unknown=unknown[0][:20]),
            tr("Choose of: {kv_types}.", kv_types=", ".join(KV_TYPES)),
        )
    found = [
        Test(prompt, count, depth, batch, min(ubatch, batch), thread, kind, kind, device)
        for device, kind, thread, batch, ubatch, depth, (prompt, count) in itertools.product(
            devices, kv_types, threads, batches, ubatches, depths, kinds
        )
    ]
    tests = tuple(dict.fromkeys(found))
    if not tests:
        raise UsageError(
            tr("There is nothing to measure."), tr("Name a number of prompt tokens or of tokens to generate.")
        )
    if len(tests) > MOST_TESTS:
        raise UsageError(
            tr("These are {tests} tests.", tests=len(tests)),
            tr("Choose fewer: {most_tests} at most.", most_tests=MOST_TESTS),
        )
    return tests


class BenchingService:
    """Calls may come from any thread."""

    def __init__(
        self,
        paths: Paths,
        jobs: JobService,
        library: LibraryService,
        planning: Callable[[], PlanningService],
        hashes: FileHashes,
        machine: Callable[[], Machine],
    ) -> None:
        self._paths, self._jobs, self._library = paths, jobs, library
        self._planning, self._hashes, self._machine = planning, hashes, machine
        self._kind = KeptWork[BenchOrder, Bench](BENCH, BenchOrder, self._measure, paths.jobs, bench_words)
        self._kind.state_file = self._state_file
        jobs.register(self._kind)

    def prospect(
        self, model: str, tests: Sequence[Test], repeat: int = 3, *, cancelled: Cancelled = never
    ) -> BenchProspect:
        """Raises HeftError: not found, what is no language model."""
        source = self._library.resolve(model)
        if source.fault is not None:
            raise source.fault.error(source.title)
        if not source.kind.writes_text:
            raise cannot_chat(source.title, source.kind)
        plans: dict[LoadSettings, LoadPlan] = {}
        rates, seconds = [], 0.0
        for test in tests:
            rate = self._predicted(source, test, plans, cancelled)
            rates.append(rate)
            before = self._predicted(source, _before(test), plans, cancelled) if test.depth else 1.0
            if rate <= 0 or before <= 0:
                seconds = float("nan")
            else:
                work = (test.prompt + test.generate) / rate
                seconds += (work + (work if test.prompt else 0.0)) * repeat + test.depth / before
        known = seconds if seconds == seconds else None
        return BenchProspect(BenchOrder(str(source.path), tuple(tests), repeat), source, known, tuple(rates))

    def _plan(
        self, source: LibraryModel, asked: LoadSettings, plans: dict[LoadSettings, LoadPlan], cancelled: Cancelled
    ) -> LoadPlan:
        if asked not in plans:
            plans[asked] = self._planning().for_load(source.ref, asked, cancelled)
        return plans[asked]

    def _predicted(
        self, source: LibraryModel, test: Test, plans: dict[LoadSettings, LoadPlan], cancelled: Cancelled
    ) -> float:
        """Tokens per second of a test; 0 where nothing is known. Reading at a depth is the time for all, less that for
        what comes before."""
        speeds = self._plan(source, test.settings, plans, cancelled).speeds
        if speeds is None:
            return 0.0
        if test.generate:
            part = min(1.0, (test.depth + test.generate / 2) / max(1, speeds.context))
            seconds = (1 - part) / speeds.empty.expected + part / speeds.full.expected
            return 1 / seconds
        if speeds.prompt is None:
            return 0.0
        if not test.depth:
            return speeds.prompt.expected
        whole = (test.depth + test.prompt) / speeds.prompt.expected
        before = self._predicted(source, _before(test), plans, cancelled)
        left = whole - test.depth / before if before > 0 else 0.0
        return test.prompt / left if left > 0 else speeds.prompt.expected

    def last(self, model: str) -> Bench | None:
        """What was timed of a model last, also by a job that nobody waited for, while the engine is the same.

        Its files are not read for that. Raises HeftError: not found.
        """
        digest = digest_of([self._hashes.known(path) for path in self._library.resolve(model).files])
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            kept = msgspec.msgpack.decode(self._last_file(digest).read_bytes(), type=_Last)
            return kept.bench if kept.version == versions()[0] else None
        return None

    # -- doing --------------------------------------------------------------------------------------

    def measure(self, prospect: BenchProspect, *, progress: Report = unheard, cancelled: Cancelled = never) -> Bench:
        """Time all of it, as a job, and wait. What was timed before a stop is not timed again. Raises HeftError."""
        name = f"Speed of {prospect.source.title}"
        return perform(self._jobs, self._kind, name, prospect.order, progress=progress, cancelled=cancelled)

    def _measure(self, work: Work[BenchOrder, Bench], run: Run) -> Bench:
        order, cancelled = work.order, lambda: run.stopped
        source = self._library.resolve(order.model)
        digest = self._hashes.of_model(source.files, run.report, cancelled)
        sign = f"{digest}|{versions()[0]}"
        plans: dict[LoadSettings, LoadPlan] = {}
        planned = [self._plan(source, test.settings, plans, cancelled) for test in order.tests]
        predicted = [self._predicted(source, test, plans, cancelled) for test in order.tests]
        state = self._known(order, sign)
        opened: dict[tuple[int, int, str], Opened] = {}
        loaded: tuple[int, int, str] | None = None
        tool = Tool[Any]("desktop.engine.tools.bencher", Answer, self._paths.scratch, self._paths.logs / "bencher.log")
        total, written = order.repeat * len(order.tests), time.monotonic()
        by_load = sorted(range(len(order.tests)), key=lambda at: _load_of(planned[at]))
        try:
            for number in range(order.repeat):
                for at in by_load:
                    if len(state.samples[at]) > number:
                        continue
                    done = sum(len(one) for one in state.samples)
                    run.report(Progress(done, total, "tests", _words(order.tests[at])))
                    if (load := _load_of(planned[at])) != loaded:
                        opened[load] = _opened(tool, source, planned[at], cancelled)
                        loaded = load
                    state = _timed(tool, order.tests[at], planned[at], state, at, cancelled)
                    if time.monotonic() - written > _KEEP_SECONDS:
                        self._keep(order, state)
                        written = time.monotonic()
                    if run.stopped:
                        raise CancelledError
            for at in by_load:
                if (load := _load_of(planned[at])) not in opened:  # all was timed before a restart
                    opened[load] = _opened(tool, source, planned[at], cancelled)
        except Exception:
            self._keep(order, state)  # a cancel removes it; after a crash, and the next start, it goes on
            raise
        finally:
            tool.close()
        machine = self._machine()
        cells = []
        for at, test in enumerate(order.tests):
            row = _row(machine, source, test, planned[at], opened[_load_of(planned[at])], state.samples[at])
            cells.append(BenchCell(row, predicted[at], state.disturbed[at]))
        found = Bench(tuple(cells))
        with contextlib.suppress(OSError):  # on a full disk, who waits for it gets it all the same
            write_atomically(self._last_file(digest), msgspec.msgpack.encode(_Last(versions()[0], found)))
            self._state_file(order).unlink(missing_ok=True)
        return found

    def _last_file(self, digest: str) -> Path:
        return self._paths.data / "lab" / f"speeds-{digest[:16]}.msgpack"

    def _state_file(self, order: BenchOrder) -> Path:
        return self._paths.data / "lab" / f"bench-{self._kind.id_of(order)}.msgpack"

    def _known(self, order: BenchOrder, sign: str) -> _State:
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            state = msgspec.msgpack.decode(self._state_file(order).read_bytes(), type=_State)
            if state.sign == sign and len(state.samples) == len(order.tests):
                return state
        return _State(sign, ((),) * len(order.tests), (0,) * len(order.tests))

    def _keep(self, order: BenchOrder, state: _State) -> None:
        with contextlib.suppress(OSError):  # a full disk costs what would be timed again, and nothing else
            self._state_file(order).parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._state_file(order), msgspec.msgpack.encode(state))


def bench_words(found: Bench) -> str:
    """What came of it, for the list."""
    return f"{len(found.cells)} speed tests"


def _before(test: Test) -> Test:
    """Reading what comes before a test."""
    return msgspec.structs.replace(test, prompt=test.depth, generate=0, depth=0)


def _load_of(plan: LoadPlan) -> tuple[int, int, str]:
    """What makes a load another one: layers on GPUs, experts in main memory, devices."""
    return plan.gpu_layers, plan.cpu_expert_layers, plan.devices


def _opened(tool: Tool[Any], source: LibraryModel, plan: LoadPlan, cancelled: Cancelled) -> Opened:
    found = tool.call(Open(str(source.path), *_load_of(plan)), cancelled=cancelled)
    assert isinstance(found, Opened)
    return found


def _timed(tool: Tool[Any], test: Test, plan: LoadPlan, state: _State, at: int, cancelled: Cancelled) -> _State:
    """With one more repetition, the least disturbed of a few."""
    best: tuple[float, int] | None = None
    for _ in range(_AGAIN):
        request = Time(
            test.prompt, test.generate, test.depth, test.batch, test.ubatch, plan.threads, _kv(test.type_k),
            _kv(test.type_v), plan.flash_attention,
        )  # fmt: skip
        found = tool.call(request, cancelled=cancelled)
        assert isinstance(found, Timed)
        part = found.waited_seconds / max(1e-9, found.ns * 1e-9)
        best = min(best, (part, found.ns)) if best is not None else (part, found.ns)
        if part <= _WAITED:
            break
    assert best is not None
    samples = tuple((*one, best[1]) if number == at else one for number, one in enumerate(state.samples))
    disturbed = tuple(one + (best[0] > _WAITED and number == at) for number, one in enumerate(state.disturbed))
    return _State(state.sign, samples, disturbed)


def _row(
    machine: Machine, source: LibraryModel, test: Test, plan: LoadPlan, opened: Opened, samples: tuple[int, ...]
) -> BenchRow:
    return BenchRow(
        build_commit=versions()[0], cpu_info=machine.cpu.name, gpu_info=", ".join(gpu.name for gpu in machine.gpus),
        backends=opened.backends, model_filename=source.path.name, model_type=opened.description,
        model_size=opened.size_bytes, model_n_params=opened.parameters, n_batch=test.batch, n_ubatch=test.ubatch,
        n_threads=plan.threads, type_k=test.type_k, type_v=test.type_v, n_gpu_layers=plan.gpu_layers,
        n_cpu_moe=plan.cpu_expert_layers, flash_attn={"auto": -1, "off": 0, "on": 1}[plan.flash_attention],
        devices=plan.devices or "auto", n_prompt=test.prompt, n_gen=test.generate, n_depth=test.depth,
        test_time=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), samples_ns=samples,
    )  # fmt: skip


def _words(test: Test) -> str:
    what = f"reading {test.prompt}" if test.prompt else f"writing {test.generate}"
    return f"{what} at {test.depth:,}" if test.depth else what


def _kv(name: str) -> Any:
    return name
