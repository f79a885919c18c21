"""A backend, built of the engine's own sources: a job, its time said before. What comes of it is tried as any other.

The job ends with the trial, so that one which goes on after a quit takes the backend in as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from filelock import FileLock, Timeout

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import EngineError, NotFoundError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.hardware import Machine
from desktop.core.progress import Progress, Report, unheard
from desktop.core.words import tr
from desktop.engine.builder.compiling import ROOM_BYTES, SOURCES_BYTES
from desktop.engine.builder.cuda import NATIVE, CudaBuilder
from desktop.engine.builder.cuda_tools import UNPACKED_BYTES, WHEEL_BYTES, can_fetch, installed
from desktop.engine.builder.ggml_alone import BackendBuilder
from desktop.engine.builder.recipe import jobs as compilers
from desktop.engine.builder.vulkan import VulkanBuilder
from desktop.engine.server.program import engine_version
from desktop.services.engine.backends import Backend, BackendService
from desktop.services.engine.building import Reporter, alone_at_building, check_tools
from desktop.services.job_kinds import Run
from desktop.services.job_work import Work, WorkKind, perform
from desktop.services.jobs import JobService
from desktop.store.paths import Paths

BACKEND_BUILD = "backend-build"  # the kind of job
Buildable = Literal["vulkan", "cuda"]
TITLES: dict[Buildable, str] = {"vulkan": "Vulkan", "cuda": "CUDA"}
# Vulkan: 4 minutes on two busy cores, measured. CUDA: an hour or so there for one architecture, by others' accounts.
_CORE_SECONDS: dict[Buildable, float] = {"vulkan": 480.0, "cuda": 7200.0}
_VULKAN_TOOLS_BYTES = 20_000_000
_ARCHITECTURE = re.compile(r"\d{2,3}[af]?(-real|-virtual)?")


class BackendOrder(msgspec.Struct, frozen=True):
    """Which backend, for which version of llama-cpp-python; ``architecture`` is of CUDA, as CMake has it."""

    name: Buildable
    version: str
    architecture: str = NATIVE


@dataclass(frozen=True)
class Effort:
    """What a build asks of this computer: seconds and bytes to fetch, about, and bytes on the disk while it builds."""

    seconds: float
    fetched_bytes: int
    room_bytes: int


class _BuildKind(WorkKind[BackendOrder, Backend]):
    """What was compiled is kept over a pause, and goes when the job is cancelled."""

    def __init__(self, *words: Any, discard: Callable[[BackendOrder], None]) -> None:
        super().__init__(*words)
        self._discard = discard

    def discard(self, order: Work[BackendOrder, Backend]) -> None:
        """Remove what is compiled so far."""
        self._discard(order.order)


class BackendBuildService:
    """Builds backends into Heft's cache and hands them over. Every method may be called from any thread."""

    def __init__(
        self, paths: Paths, jobs: JobService, backends: BackendService, machine: Callable[[], Machine]
    ) -> None:
        """``machine`` describes this computer, to know for which cards CUDA is built."""
        self._paths, self._jobs, self._backends, self._machine = paths, jobs, backends, machine
        self._kind = _BuildKind(
            BACKEND_BUILD, BackendOrder, self._work, paths.jobs, lambda _: "it is built and works", discard=self._clear
        )
        jobs.register(self._kind)

    def effort(self, name: Buildable) -> Effort:
        """What a build will take here; what an earlier one has fetched counts again. May ask the compiler, a moment."""
        sources = SOURCES_BYTES
        fetched, room = sources + _VULKAN_TOOLS_BYTES, ROOM_BYTES
        if name == "cuda":
            fetched, room = sources, 2 * ROOM_BYTES
            if installed() is None:
                fetched, room = fetched + WHEEL_BYTES, room + WHEEL_BYTES + UNPACKED_BYTES
        return Effort(_CORE_SECONDS[name] / compilers(), fetched, room)

    def build(
        self,
        name: Buildable,
        architecture: str = NATIVE,
        *,
        progress: Report = unheard,
        cancelled: Cancelled = never,
    ) -> Backend:
        """Build, as a job, wait for it, and take it in once it has proven itself. Raises CancelledError, HeftError."""
        order = self._checked(name, architecture)
        title = f"Build of the {TITLES[name]} backend"
        return perform(self._jobs, self._kind, title, order, progress=progress, cancelled=cancelled)

    def under_way(self) -> tuple[Buildable, str] | None:
        """Which one is being built, and for which architecture; None where none is."""
        with suppress(NotFoundError):  # it has ended meanwhile
            for job in self._jobs.jobs(BACKEND_BUILD):
                if job.active:
                    order: BackendOrder = self._jobs.order(job.id).order
                    return order.name, order.architecture
        return None

    # -- before ------------------------------------------------------------------------------------

    def _checked(self, name: Buildable, architecture: str) -> BackendOrder:
        check_tools(self._paths.cache, self.effort(name).room_bytes)
        if name == "cuda":
            _check_toolkit()
            architecture = self._architectures() if architecture == NATIVE else _architecture(architecture)
        return BackendOrder(name, engine_version(), architecture)

    def _architectures(self) -> str:
        """Of the NVIDIA cards that are here, as CMake has them: "86;89". Raises EngineError where there is none."""
        found = {gpu.compute_capability.replace(".", "") for gpu in self._machine().gpus if gpu.compute_capability}
        if not found:
            raise EngineError(
                tr("There is no card of NVIDIA's here, or no driver for it."),
                tr("Install NVIDIA's driver; or name the cards it is for: heft backends build cuda --architecture 89"),
                kind=FailureKind.NOT_FOUND,
            )
        return ";".join(sorted(found))

    # -- the work ----------------------------------------------------------------------------------

    def _work(self, work: Work[BackendOrder, Backend], run: Run) -> Backend:
        builder = self._builder(work.order, Reporter(run))
        run.on_stop(builder.stop)
        with alone_at_building(self._paths.cache, "backend", run):
            library = builder.library()
        if run.stopped:
            raise CancelledError
        run.report(Progress(note=tr("trying it in a process of its own")))
        return self._backends.add(library, cancelled=lambda: run.stopped)

    def _clear(self, order: BackendOrder) -> None:
        with suppress(Timeout), FileLock(self._paths.cache / "build.lock", timeout=0):  # held: it was begun anew
            self._builder(order).discard()

    def _builder(self, order: BackendOrder, watcher: Reporter | None = None) -> BackendBuilder:
        if order.name == "vulkan":
            return VulkanBuilder(self._paths.cache, order.version, watcher=watcher)
        return CudaBuilder(self._paths.cache, order.version, installed(), order.architecture, watcher=watcher)


def _check_toolkit() -> None:
    """Whether CUDA can be compiled here. Raises EngineError."""
    if installed() is None and not can_fetch():
        raise EngineError(
            tr("There is no compiler for CUDA here (nvcc), and NVIDIA publishes none that could be fetched."),
            tr("Install NVIDIA's CUDA toolkit, or add a library that was made elsewhere: heft backends add FILE"),
            kind=FailureKind.NO_COMPILER,
        )


def _architecture(text: str) -> str:
    """CMake's word for it: "89", also from "8.9". Raises UsageError for what is none."""
    parts = [part.strip().replace(".", "") for part in re.split("[;,]", text)]
    if not all(_ARCHITECTURE.fullmatch(part) for part in parts):
        raise UsageError(
            tr("'{text}' is no architecture of NVIDIA's cards.", text=text),
            tr("Write its compute capability, such as 89 for an RTX 4000 or 90 for an H100."),
        )
    return ";".join(parts)
