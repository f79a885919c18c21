"""Converting a folder of safetensors as a job: what it takes is said before, the converter's environment is made once.

Made under another name, tried, and only then put in its place. A pause keeps what was fetched; a conversion begins
from its beginning.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec
from filelock import FileLock, Timeout

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.conversion import AUTO, TYPES, ConvertType, conversion_seconds
from desktop.core.errors import EngineError, FileFormatError, HeftError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.gguf import read_header
from desktop.core.progress import Progress, Report, share, unheard
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.engine.builder.compiling import Builder, BuildError
from desktop.engine.builder.converter import gather
from desktop.engine.builder.recipe import Recipe
from desktop.engine.converter.cause import explain_converter, explain_packages
from desktop.engine.converter.environment import ConverterEnvironment, EnvironmentCost, Package
from desktop.engine.converter.process import ProcessFailed, run_python
from desktop.engine.converter.sources import ConverterSources, find_sources, kept_folder, read_sources
from desktop.engine.helper_process import Tool
from desktop.engine.server.program import engine_version
from desktop.engine.tools.quantizer import Answer
from desktop.machine.memory import read_memory
from desktop.services.job_kinds import Run
from desktop.services.job_work import Work, WorkKind, perform
from desktop.services.jobs import JobService
from desktop.services.lab import made_files
from desktop.services.lab.hashes import FileHashes
from desktop.services.lab.model_folder import ModelFolder, is_snapshot, read_folder
from desktop.services.models.library import LibraryService
from desktop.store.gguf_files import FileSource, kind_of
from desktop.store.paths import Paths
from desktop.system.atomic import PREFIX
from desktop.system.cores import physical_threads

CONVERT = "convert"  # the kind of job
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
_LOCK = "environment.lock"
_FETCHED = 0.6  # of a job in which the environment is made, too
_LOOK_SECONDS = 0.2  # while another Heft makes the environment


class ConvertOrder(msgspec.Struct, frozen=True):
    """``folder`` into the file ``target``. ``packages`` are those that the user has agreed to fetch, none where the
    environment was made before; ``index`` is a further index that has them."""

    folder: str
    target: str
    kind: ConvertType
    size_bytes: int
    packages: tuple[Package, ...] = ()
    index: str = ""


class Converted(msgspec.Struct, frozen=True):
    """What came of it. ``computed``: tokens were computed with it, and not only its tensors loaded."""

    path: str
    size_bytes: int
    sha256: str
    computed: bool


@dataclass(frozen=True)
class ConvertProspect:
    """What a conversion comes to. ``cost`` is what the environment takes, None where it is made. ``taken``: another
    file has the target's name."""

    folder: ModelFolder
    target: Path
    kind: ConvertType
    size_bytes: int
    cost: EnvironmentCost | None
    taken: bool = False

    @property
    def seconds(self) -> float:
        """Of the conversion alone, about."""
        return conversion_seconds(self.folder.read_bytes, self.size_bytes)


class _ConvertKind(WorkKind[ConvertOrder, Converted]):
    """What was fetched is kept over a pause, and goes when the job is cancelled."""

    leave: Callable[[ConvertOrder], None]

    def discard(self, order: Work[ConvertOrder, Converted]) -> None:
        """Remove what is half made of the environment."""
        self.leave(order.order)


class ConvertingService:
    """Calls may come from any thread."""

    def __init__(self, paths: Paths, jobs: JobService, library: LibraryService, hashes: FileHashes) -> None:
        self._paths, self._jobs, self._library, self._hashes = paths, jobs, library, hashes
        self._folder = paths.data / "converter"  # environments
        self._log = paths.logs / "converter.log"
        self._kind = _ConvertKind(CONVERT, ConvertOrder, self._convert, paths.jobs, converted_words)
        self._kind.leave = self._leave
        jobs.register(self._kind)

    def prospect(
        self,
        folder: Path,
        kind: str = AUTO,
        target: Path | None = None,
        torch_index: str = "",
        *,
        cancelled: Cancelled = never,
    ) -> ConvertProspect:
        """What converting comes to; asks the index of packages where the environment is not made. Raises HeftError:
        what keeps the folder from being converted, UsageError, "no-python", "no-packages"; CancelledError."""
        if kind not in TYPES:
            raise UsageError(
                tr("'{kind}' is no type to convert to.", kind=kind[:40]),
                tr("It can be {types}.", types=", ".join(TYPES)),
            )
        found = read_folder(folder)
        chosen = found.natural if kind == AUTO else cast("ConvertType", kind)
        place = target or self._paths.models / f"{found.name}-{chosen}.gguf"
        place = place.expanduser().absolute()
        sources = find_sources(self._paths.cache) or self._gathered()
        environment = self._environment(sources, torch_index)
        cost = None if environment.ready else self._cost(environment, cancelled)
        return ConvertProspect(found, place, chosen, found.bytes_in(chosen), cost, taken=place.exists())

    def convert(
        self, prospect: ConvertProspect, *, progress: Report = unheard, cancelled: Cancelled = never
    ) -> Converted:
        """Make it, as a job, and wait; with that the packages of ``prospect.cost`` are agreed to. Raises HeftError:
        "file-exists", "disk-full", what the converter and the engine say; CancelledError."""
        made_files.must_be_free(prospect.target)
        packages = prospect.cost.packages if prospect.cost is not None else ()
        order = ConvertOrder(
            str(prospect.folder.path), str(prospect.target), prospect.kind, prospect.size_bytes, packages,
            prospect.cost.index if prospect.cost is not None else "",
        )  # fmt: skip
        name = f"{prospect.kind} of {prospect.folder.name}"
        return perform(self._jobs, self._kind, name, order, progress=progress, cancelled=cancelled)

    def in_library(self, made: Converted) -> bool:
        """Whether the library finds it where it lies."""
        return any(Path(made.path).is_relative_to(folder) for folder in self._library.looked_into())

    # -- the environment ---------------------------------------------------------------------------

    def _environment(self, sources: ConverterSources, torch_index: str) -> ConverterEnvironment:
        return ConverterEnvironment(self._folder, sources, self._log, torch_index)

    def _cost(self, environment: ConverterEnvironment, cancelled: Cancelled) -> EnvironmentCost:
        try:
            with self._alone(cancelled):
                return environment.cost(cancelled)
        except ProcessFailed as failed:
            raise explain_packages(failed) from failed
        except OSError as error:
            raise _unwritable(self._folder, error) from error

    def _gathered(self) -> ConverterSources:
        """The converter out of the engine's sources, which pip fetches where the engine came without them."""
        builder = Builder(self._paths.cache, Recipe(engine_version()))
        try:
            return read_sources(gather(builder.sources(), kept_folder(self._paths.cache)))
        except (BuildError, ValueError) as error:
            raise EngineError(
                tr("The converter comes with llama.cpp's sources, and they could not be fetched."),
                tr("Check the network, then try again."),
                detail=str(error),
                kind=FailureKind.NO_SOURCES,
            ) from error
        except OSError as error:
            raise _unwritable(self._paths.cache, error) from error

    @contextmanager
    def _alone(self, cancelled: Cancelled) -> Iterator[None]:
        """While the environment is made: one Heft at a time, others wait. Raises CancelledError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._folder / _LOCK, timeout=_LOOK_SECONDS)
        while True:
            with suppress(Timeout):
                lock.acquire()
                break
            if cancelled():
                raise CancelledError
        try:
            yield
        finally:
            lock.release()

    def _leave(self, order: ConvertOrder) -> None:
        sources = find_sources(self._paths.cache)
        if sources is not None and order.packages:
            with suppress(Timeout), FileLock(self._folder / _LOCK, timeout=0):  # held: it was begun anew
                self._environment(sources, "").discard()

    # -- the job -----------------------------------------------------------------------------------

    def _convert(self, work: Work[ConvertOrder, Converted], run: Run) -> Converted:
        """From the beginning, but for what was fetched."""
        order, cancelled = work.order, lambda: run.stopped
        folder, target = read_folder(Path(order.folder)), Path(order.target)
        made_files.must_be_free(target)
        made_files.must_have_room(target.parent, order.size_bytes)
        sources = find_sources(self._paths.cache) or self._gathered()
        environment = self._environment(sources, "")
        report: Report = run.report
        if not environment.ready:
            self._make_environment(environment, order, share(report, 0.0, _FETCHED), cancelled)
            report = share(report, _FETCHED, 1 - _FETCHED)
        unfinished = target.with_name(f"{PREFIX}{target.name}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with made_files.removed([unfinished]):
                self._run_converter(environment.python, sources, folder, order, unfinished, report, cancelled)
                return self._taken_in(unfinished, target, folder, report, cancelled)
        except OSError as error:
            raise _unwritable(target.parent, error) from error

    def _make_environment(
        self, environment: ConverterEnvironment, order: ConvertOrder, report: Report, cancelled: Cancelled
    ) -> None:
        if not order.packages:
            raise HeftError(
                tr("What the converter needs is not there any more."), tr("Ask for the conversion again."),
                kind=FailureKind.NO_PACKAGES,
            )  # fmt: skip
        made_files.must_have_room(self._folder, EnvironmentCost(order.packages).room_bytes)
        try:
            with self._alone(cancelled):
                environment.make(order.packages, order.index, report, cancelled)
        except ProcessFailed as failed:
            raise explain_packages(failed) from failed
        except OSError as error:
            raise _unwritable(self._folder, error) from error

    def _run_converter(
        self,
        python: Path,
        sources: ConverterSources,
        folder: ModelFolder,
        order: ConvertOrder,
        unfinished: Path,
        report: Report,
        cancelled: Cancelled,
    ) -> None:
        """It says how far it is by the size of its file, for which it first reads the vocabulary."""
        report(Progress.of(0.0, tr("reading the folder")))

        def watch() -> None:
            with suppress(OSError):
                report(Progress.of(0.85 * min(1.0, unfinished.stat().st_size / max(1, order.size_bytes)), "converting"))

        arguments = ["convert", str(sources.script), str(folder.path), "--outfile", str(unfinished)]
        arguments += ["--outtype", order.kind.lower()]
        if is_snapshot(folder.path):
            arguments += ["--model-name", folder.name]
        log = self._log
        log.unlink(missing_ok=True)
        try:
            run_python(python, arguments, log, cancelled=cancelled, variables=_OFFLINE, watch=watch)
        except ProcessFailed as failed:
            raise explain_converter(failed, folder.name) from failed

    def _taken_in(
        self, unfinished: Path, target: Path, folder: ModelFolder, report: Report, cancelled: Cancelled
    ) -> Converted:
        """Read the header, load it, and give it its name."""
        made_files.on_disk(unfinished)
        report(Progress.of(0.86, tr("trying it")))
        with FileSource(unfinished) as source:
            header = read_header(source)
            end = max((header.position(one) + (one.size_bytes or 0) for one in header.tensors), default=0)
            size = source.size
        if not header.tensors or end > size:
            raise FileFormatError(tr("What came of {name} is not whole.", name=folder.name), tr("Convert it again."))
        compute = kind_of(unfinished).writes_text and read_memory().available_bytes > size * made_files.TRIAL_ROOM
        scratch, log = self._paths.scratch, self._paths.logs / "quantizer.log"
        tool: Tool[Any] = Tool("desktop.engine.tools.quantizer", Answer, scratch, log)
        try:
            computed = made_files.try_file(tool, unfinished, physical_threads(), cancelled, compute=compute)
        finally:
            tool.close()
        sha256 = self._hashes.of(unfinished, share(report, 0.9, 0.1), cancelled)
        if cancelled():
            raise CancelledError
        made_files.must_be_free(target)
        made_files.in_place(unfinished, target)
        with suppress(OSError):
            self._hashes.note(target, sha256)
        return Converted(str(target), size, sha256, computed)


def converted_words(made: Converted) -> str:
    """What came of it, for the list."""
    return f"made {Path(made.path).name}, {human_bytes(made.size_bytes)}"


def _unwritable(folder: Path, error: OSError) -> HeftError:
    words = f"Files could not be written in {folder}: {error.strerror or error}."
    kind = FailureKind.DISK_FULL if error.errno == errno.ENOSPC else FailureKind.NOT_WRITABLE
    return HeftError(words, tr("Look at {folder}.", folder=folder), kind=kind)
