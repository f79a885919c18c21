"""Quantizing as a job: checked before, made under another name, tried, and only then put in its place."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from desktop import __version__
from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import EngineError, HeftError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.progress import Progress, Report, share, unheard
from desktop.core.quality import QualityTable
from desktop.core.quantize_recipe import PREFIX as RECIPE
from desktop.core.quantize_recipe import Recipe, recipe_entries
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.engine.helper_process import Tool
from desktop.engine.server.program import engine_version
from desktop.engine.tools.quantizer import Answer, Quantized
from desktop.machine.memory import read_memory
from desktop.services.job_kinds import Run
from desktop.services.job_work import Work, WorkKind, perform
from desktop.services.jobs import JobService
from desktop.services.lab import made_files
from desktop.services.lab.hashes import FileHashes, digest_of
from desktop.services.lab.measured import measured_of_type
from desktop.services.lab.prospect import Prospect, Prospects, default_target, request_of, told_of
from desktop.services.models.library import LibraryService
from desktop.services.planning.service import PlanningService
from desktop.store.measurements import MeasurementStore
from desktop.store.paths import Paths
from desktop.system.atomic import PREFIX
from desktop.system.cores import physical_threads

QUANTIZE = "quantize"  # the kind of job


class QuantizeOrder(msgspec.Struct, frozen=True):
    """``source`` is the file to load first, ``target`` the file to make (the first of several). ``again``: weights that
    are quantized already may be quantized anew. ``size_bytes`` is what was said before."""

    source: str
    target: str
    recipe: Recipe
    size_bytes: int
    threads: int = 0
    again: bool = False


class Made(msgspec.Struct, frozen=True):
    """What came of it: ``files`` in order, ``size_bytes`` of all, ``sha256`` of each. ``recipe`` is what stands in the
    metadata, without the prefix. ``computed``: tokens were computed with it, and not only its tensors loaded.
    ``quantizing_seconds`` are the quantizer's own."""

    files: tuple[str, ...]
    size_bytes: int
    predicted_size_bytes: int
    sha256: tuple[str, ...]
    recipe: dict[str, str | int | bool]
    computed: bool
    quantizing_seconds: float


def versions() -> tuple[str, str]:
    """The engine's and Heft's, as a recipe names them."""
    return f"llama-cpp-python {engine_version()}", __version__


class QuantizingService:
    """Calls may come from any thread."""

    def __init__(
        self,
        paths: Paths,
        jobs: JobService,
        library: LibraryService,
        planning: Callable[[], PlanningService],
        quality: Callable[[], QualityTable],
        hashes: FileHashes,
        measurements: MeasurementStore,
    ) -> None:
        self._paths, self._jobs, self._library, self._hashes = paths, jobs, library, hashes
        self._measurements = measurements
        self._prospects = Prospects(self._tool, planning, quality, paths.cache / "lab", versions)
        self._kind = WorkKind(QUANTIZE, QuantizeOrder, self._make, paths.jobs, made_words)
        jobs.register(self._kind)

    def prospect(
        self,
        model: str,
        recipe: Recipe,
        target: Path | None = None,
        *,
        weigh: bool = True,
        cancelled: Cancelled = never,
    ) -> Prospect:
        """What it would come to. Raises HeftError: see :meth:`Prospects.of`, not found, UsageError."""
        source, recipe = self._library.resolve(model), recipe.checked()
        if recipe.imatrix:
            matrix = Path(recipe.imatrix).expanduser().absolute()
            if not matrix.is_file():
                raise HeftError(
                    tr("There is no file {matrix}.", matrix=matrix),
                    tr("Name an importance matrix."),
                    kind=FailureKind.NOT_FOUND,
                )
            recipe = msgspec.structs.replace(recipe, imatrix=str(matrix))
        place = (target or default_target(source, recipe, self._paths.models)).expanduser().absolute()
        found = self._prospects.of(source, recipe, place, weigh=weigh, cancelled=cancelled)
        names = _names(place, len(source.files) if recipe.keep_split else 1)
        digest = digest_of([self._hashes.known(path) for path in source.files])
        return replace(
            found,
            taken=any(name.exists() for name in names),
            measured=measured_of_type(self._measurements, source.path, digest, recipe),
        )

    def free_target(self, target: Path) -> Path:
        """The same name with the first number that no file has."""
        stem = target.name.removesuffix(".gguf")
        return next(free for number in count(2) if not (free := target.with_name(f"{stem}-{number}.gguf")).exists())

    def quantize(
        self,
        prospect: Prospect,
        *,
        threads: int = 0,
        again: bool = False,
        progress: Report = unheard,
        cancelled: Cancelled = never,
    ) -> Made:
        """Make it, as a job, and wait. ``again`` allows to quantize what is quantized.

        Raises HeftError: "usage" where that is not allowed or an importance matrix is missing, "file-exists",
        "disk-full", "out-of-memory", what the engine says; CancelledError.
        """
        if prospect.requantized and not again:
            raise UsageError(requantizing_words(prospect), tr("Allow that, or choose the original."))
        if prospect.needs_imatrix and not prospect.recipe.imatrix:
            raise UsageError(
                tr("{type} is of no use without an importance matrix.", type=prospect.recipe.type),
                tr("Choose one, or a larger type."),
            )
        order = QuantizeOrder(
            str(prospect.source.path), str(prospect.target), prospect.recipe, prospect.size_bytes, threads, again
        )
        name = f"{prospect.recipe.type} of {prospect.source.title}"
        return perform(self._jobs, self._kind, name, order, progress=progress, cancelled=cancelled)

    def in_library(self, made: Made) -> bool:
        """Whether the library finds it where it lies."""
        return any(Path(made.files[0]).is_relative_to(folder) for folder in self._library.looked_into())

    def _tool(self) -> Tool[Any]:
        return Tool("desktop.engine.tools.quantizer", Answer, self._paths.scratch, self._paths.logs / "quantizer.log")

    # -- the job -----------------------------------------------------------------------------------

    def _make(self, work: Work[QuantizeOrder, Made], run: Run) -> Made:
        """From the beginning, whatever an earlier run has left."""
        order, cancelled = work.order, lambda: run.stopped
        source, target = self._library.resolve(order.source), Path(order.target)
        # by what the files are now: a restart may be days later
        prospect = self._prospects.of(source, order.recipe, target, weigh=False, cancelled=cancelled)
        if prospect.requantized and not order.again:
            raise UsageError(requantizing_words(prospect), tr("Allow that, or choose the original."))
        parts = len(source.files) if order.recipe.keep_split else 1
        finals, unfinished = _names(target, parts), _names(target.with_name(f"{PREFIX}{target.name}"), parts)
        for final in finals:
            made_files.must_be_free(final)
        target.parent.mkdir(parents=True, exist_ok=True)
        with made_files.removed(unfinished), _told_errors(target):
            made_files.must_have_room(target.parent, prospect.size_bytes)
            _must_have_memory(prospect.memory_bytes)
            return self._made(order, prospect, finals, unfinished, run)

    def _made(
        self, order: QuantizeOrder, prospect: Prospect, finals: list[Path], unfinished: list[Path], run: Run
    ) -> Made:
        source, cancelled = prospect.source, lambda: run.stopped
        sha256 = self._hashes.of_model(source.files, share(run.report, 0.0, 0.05), cancelled)
        matrix = self._hashes.of(Path(order.recipe.imatrix)) if order.recipe.imatrix else ""
        engine, heft = versions()
        told = told_of(source, sha256, engine, heft, matrix, bool(prospect.requantized))
        entries = recipe_entries(order.recipe, told)
        written = {**prospect.emptied, **entries}
        prefix = (
            Path(f"{unfinished[0]}".removesuffix(_split_ending(1, len(finals)))) if len(finals) > 1 else unfinished[0]
        )
        threads = order.threads or physical_threads()
        request = msgspec.structs.replace(
            request_of(source, prefix, order.recipe, threads, written), requantize=True, weights=prospect.weights
        )
        tool = self._tool()
        try:
            done = tool.call(request, cancelled=cancelled, progress=share(run.report, 0.05, 0.85))
            assert isinstance(done, Quantized)
            tool.close()  # its address space was bounded by the source; what was made may be larger
            for path in unfinished:
                made_files.on_disk(path)
            run.report(Progress.of(0.9, tr("trying it")))
            size = sum(path.stat().st_size for path in unfinished)
            compute = source.kind.writes_text and read_memory().available_bytes > size * made_files.TRIAL_ROOM
            whole = compute and len(finals) == 1
            computed = made_files.try_file(tool, unfinished[0], threads, cancelled, compute=whole)
        finally:
            tool.close()
        digests = [self._hashes.of(path, share(run.report, 0.92, 0.08), cancelled) for path in unfinished]
        if run.stopped:
            raise CancelledError
        for path, final in reversed(list(zip(unfinished, finals, strict=True))):  # the first, which is loaded, last
            made_files.in_place(path, final)
        for final, digest in zip(finals, digests, strict=True):
            with contextlib.suppress(OSError):
                self._hashes.note(final, digest)
        own = {key.removeprefix(RECIPE): value for key, value in entries.items()}
        names = tuple(str(final) for final in finals)
        return Made(names, size, order.size_bytes, tuple(digests), own, computed, done.seconds)


def requantizing_words(prospect: Prospect) -> str:
    """What is said before that is done, in a plain sentence."""
    types = tr(" and ").join(prospect.requantized)
    if prospect.keeps_loss:
        return (
            f"{prospect.source.title} holds weights in {types} already: made from it, a file is larger and no better. "
            f"For what was lost, the original is needed."
        )
    return (
        f"{prospect.source.title} holds weights in {types} already: made from it, a file is larger, or loses more, "
        f"than one that is made from the original (F16, BF16, F32 or Q8_0)."
    )


def made_words(made: Made) -> str:
    """What came of it, for the list."""
    return f"made {Path(made.files[0]).name}, {human_bytes(made.size_bytes)}"


def _names(target: Path, parts: int) -> list[Path]:
    """The file, or the names that llama.cpp gives to the parts (llama_split_path)."""
    if parts == 1:
        return [target]
    stem = target.name.removesuffix(".gguf")
    return [target.with_name(f"{stem}{_split_ending(number, parts)}") for number in range(1, parts + 1)]


def _split_ending(number: int, parts: int) -> str:
    return f"-{number:05d}-of-{parts:05d}.gguf"


@contextmanager
def _told_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        words = f"{target.name} could not be written: {error.strerror or error}."
        raise HeftError(words, tr("Look at {parent}.", parent=target.parent), kind=FailureKind.NOT_WRITABLE) from error
    except EngineError as error:
        if "iostream error" in error.detail and shutil.disk_usage(target.parent).free < made_files.RESERVE:
            raise HeftError(
                tr("The disk became full while {name} was written.", name=target.name),
                tr("Free some space on that disk."),
                detail=error.detail, kind=FailureKind.DISK_FULL,
            ) from error  # fmt: skip
        raise


def _must_have_memory(needed: int) -> None:
    free = read_memory().available_bytes
    if free < needed:
        raise HeftError(
            tr(
                "Quantizing this model takes {needed} of memory at a time, and {free} are free.",
                needed=human_bytes(needed),
                free=human_bytes(free),
            ),
            tr("Close other programs, or unload the model that runs."),
            kind=FailureKind.OUT_OF_MEMORY,
        )
