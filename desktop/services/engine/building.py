"""The engine, built of its sources where the installed llama-cpp-python has no server: a job, its time said before."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import EngineError, HeftError
from desktop.core.failures import FailureKind
from desktop.core.progress import Progress, Report, unheard
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.engine.builder.compiling import ROOM_BYTES, SOURCES_BYTES, Builder, BuildError, SourcesError, Watcher
from desktop.engine.builder.recipe import Recipe, expected_seconds, expected_time
from desktop.engine.builder.unpacked import unpack
from desktop.engine.server.program import NAME, ServerProgram, engine_version, find_server
from desktop.services.job_kinds import Job, Run
from desktop.services.job_work import PassingKind, Work, perform
from desktop.services.jobs import JobService
from desktop.store.paths import Paths

BUILD = "build"  # the kind of job
_TITLE = tr("Build of the engine")
_FIRST = {
    "win32": tr("Install Visual Studio Build Tools with C++"),
    "darwin": tr("Install the compiler: xcode-select --install"),
}
_FIRST_LINUX = tr("Install a C++ compiler (on Debian and Ubuntu: apt install g++)")


class BuildOrder(msgspec.Struct, frozen=True):
    """The engine of which version of llama-cpp-python."""

    version: str


class EngineBuildService:
    """Builds llama.cpp's server into Heft's cache. Every method may be called from any thread."""

    def __init__(self, paths: Paths, jobs: JobService) -> None:
        self._paths, self._jobs = paths, jobs
        self._kind = PassingKind[BuildOrder, Path](
            BUILD, BuildOrder, self._work, paths.jobs, lambda path: tr("the engine is ready")
        )
        jobs.register(self._kind)

    @property
    def version(self) -> str:
        """Of the installed llama-cpp-python, which is the version that is built."""
        return engine_version()

    def server(self) -> ServerProgram | None:
        """The server that runs models now; None where it has to be built."""
        return find_server()

    @property
    def expected_seconds(self) -> float:
        """How long a build takes here, about."""
        return expected_seconds()

    def forewarning(self) -> str:
        """What a build asks of this computer, in a sentence."""
        return tr(
            "It takes about {expected_time} on this computer, and fetches {sources_bytes} of sources.",
            expected_time=expected_time(),
            sources_bytes=human_bytes(SOURCES_BYTES),
        )

    def start(self) -> str:
        """Begin the build as a job; its id. Raises HeftError when something for it is missing."""
        order = self._checked()
        return self._jobs.add(Work[BuildOrder, Path](order), Job(self._kind.id_of(order), BUILD, _TITLE))

    def build(self, *, progress: Report = unheard, cancelled: Cancelled = never) -> Path:
        """Build, as a job, and wait for it; the program. Raises CancelledError and HeftError."""
        return perform(self._jobs, self._kind, _TITLE, self._checked(), progress=progress, cancelled=cancelled)

    # -- before ------------------------------------------------------------------------------------

    def _checked(self) -> BuildOrder:
        """The order, once all that can be known before is there. Raises EngineError."""
        check_tools(self._paths.cache)
        return BuildOrder(self.version)

    # -- the work ----------------------------------------------------------------------------------

    def _work(self, work: Work[BuildOrder, Path], run: Run) -> Path:
        recipe = Recipe(work.order.version)
        builder = Builder(self._paths.cache, recipe, Reporter(run))
        run.on_stop(builder.stop)
        with alone_at_building(self._paths.cache, "engine", run):
            wheel = builder.wheel()
            if run.stopped:
                raise CancelledError
            run.report(Progress(note="unpacking"))
            return unpack(wheel, self._paths.cache, recipe) / NAME


@contextmanager
def alone_at_building(cache: Path, what: str, run: Run) -> Iterator[None]:
    """One build at a time on this computer. Raises CancelledError once ``run`` is stopped, EngineError in words of the
    ``what`` that is built.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / "build.lock", timeout=0):
            yield
    except Timeout:
        raise EngineError(
            tr("Another Heft is building."), tr("Wait until it is done: heft jobs"), kind=FailureKind.BUSY
        ) from None
    except BuildError as failed:
        if run.stopped:
            raise CancelledError from None
        raise told(failed) from failed
    except OSError as error:
        raise EngineError(
            tr("The {what} could not be built: {strerror}.", what=what, strerror=error.strerror or error),
            tr("Check the free space on the disk, then try again."),
            detail=f"{error}\n{cache}",
            kind=FailureKind.BUILD_FAILED,
        ) from error


def check_tools(cache: Path, room_bytes: int = ROOM_BYTES) -> None:
    """Whether all is there that any build needs, into the folder ``cache``, with so much room on its disk. Raises
    EngineError.
    """
    if not engine_version():
        raise EngineError(tr("llama-cpp-python is not installed."), tr("Install Heft again: pip install heft-desktop"))
    if importlib.util.find_spec("pip") is None:
        words = tr("pip, which fetches and builds the sources, is not in Heft's Python environment.")
        raise EngineError(
            words, tr("Add it: {executable} -m ensurepip", executable=sys.executable), kind=FailureKind.NO_COMPILER
        )
    if not has_compiler():
        first = _FIRST.get(sys.platform, _FIRST_LINUX)
        raise EngineError(
            tr("There is no C++ compiler here."),
            tr("{first}, then try again.", first=first),
            kind=FailureKind.NO_COMPILER,
        )
    free = _free_bytes(cache)
    if free < room_bytes:
        raise EngineError(
            tr(
                "Building it needs {room_bytes} on the disk, and {free} are free.",
                room_bytes=human_bytes(room_bytes),
                free=human_bytes(free),
            ),
            tr("Free some space, then try again."),
            detail=str(cache),
            kind=FailureKind.DISK_FULL,
        )


class Reporter(Watcher):
    """A build's steps as the job's progress. The sources come without a figure."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def fetching(self, version: str) -> None:
        """Told as a note."""
        self._run.report(Progress(note=tr("fetching the sources")))

    def compiling(self, recipe: Recipe) -> None:
        """The same; the figures follow."""
        self._run.report(Progress(note=tr("preparing the compiler")))

    def fetching_tools(self) -> None:
        """Told as a note."""
        self._run.report(Progress(note=tr("fetching what the shaders are compiled with")))

    def fetched(self, label: str, done: int, total: int) -> None:
        """So many bytes of it are here."""
        self._run.report(Progress(done, total, "bytes", note=tr("fetching NVIDIA's compiler")))

    def compiling_backend(self, name: str) -> None:
        """The same; the figures follow."""
        self._run.report(Progress(note=tr("preparing the compiler for {name}", name=name)))

    def step(self, label: str, done: int, total: int) -> None:
        """So many files are compiled."""
        self._run.report(Progress(done, total, "files", note="compiling"))


def told(failed: BuildError) -> HeftError:
    detail, log = failed.tail, failed.log
    if isinstance(failed, SourcesError):
        return EngineError(
            tr("The engine's sources could not be fetched."),
            tr("Check the network, then try again. All that pip said is in {log}.", log=log),
            detail=detail,
            kind=FailureKind.NO_SOURCES,
        )
    return EngineError(
        tr("The engine could not be compiled."),
        tr("All that the compiler said is in {log}; its end is in the details.", log=log),
        detail=detail,
        kind=FailureKind.BUILD_FAILED,
    )


def has_compiler() -> bool:
    """Whether CMake will find a compiler for C and C++; on Windows it looks in places of its own."""
    if sys.platform == "win32":
        return True
    named = {"CC": ("cc", "gcc", "clang"), "CXX": ("c++", "g++", "clang++")}
    return all(
        any(shutil.which(name) for name in ([os.environ[variable].split()[0]] if os.environ.get(variable) else usual))
        for variable, usual in named.items()
    )


def _free_bytes(folder: Path) -> int:
    """On the disk of a folder that may not be there yet."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return shutil.disk_usage(there).free
