"""A backend, built of the engine's own sources: a job, its time said before. What comes of it is tried as any other."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.core.progress import Report, unheard
from desktop.engine.builder.cuda import NATIVE, CudaBuilder, find_nvcc
from desktop.engine.builder.recipe import jobs as compilers
from desktop.engine.builder.vulkan import VulkanBuilder
from desktop.engine.server.program import engine_version
from desktop.services.engine.backends import Backend, BackendService
from desktop.services.engine.building import Reporter, alone_at_building, check_tools
from desktop.services.job_kinds import Run
from desktop.services.job_work import PassingKind, Work, perform
from desktop.services.jobs import JobService
from desktop.store.paths import Paths

BACKEND_BUILD = "backend-build"  # the kind of job
Buildable = Literal["vulkan", "cuda"]
TITLES: dict[Buildable, str] = {"vulkan": "Vulkan", "cuda": "CUDA"}
# Vulkan: 4 minutes on two busy cores, measured. CUDA: an hour or so there for one architecture, by others' accounts.
_CORE_SECONDS: dict[Buildable, float] = {"vulkan": 480.0, "cuda": 7200.0}


class BackendOrder(msgspec.Struct, frozen=True):
    """Which backend, for which version of llama-cpp-python; ``architecture`` is of CUDA, as CMake has it."""

    name: Buildable
    version: str
    architecture: str = NATIVE


class BackendBuildService:
    """Builds backends into Heft's cache and hands them over. Every method may be called from any thread."""

    def __init__(self, paths: Paths, jobs: JobService, backends: BackendService) -> None:
        self._paths, self._jobs, self._backends = paths, jobs, backends
        self._kind = PassingKind[BackendOrder, Path](
            BACKEND_BUILD, BackendOrder, self._work, paths.jobs, lambda path: "it is built"
        )
        jobs.register(self._kind)

    def forewarning(self, name: Buildable) -> str:
        """What a build asks of this computer, in a sentence."""
        minutes = max(1, round(_CORE_SECONDS[name] / compilers() / 60))
        untried = " Heft's makers have built it on no machine with a card yet." if name == "cuda" else ""
        return f"It takes about {minutes} minutes on this computer.{untried}"

    def build(
        self,
        name: Buildable,
        architecture: str = NATIVE,
        *,
        progress: Report = unheard,
        cancelled: Cancelled = never,
    ) -> Backend:
        """Build, as a job, wait for it, and take it in once it has proven itself. Raises CancelledError, HeftError."""
        check_tools(self._paths.cache)
        if name == "cuda":
            _nvcc()
        order = BackendOrder(name, engine_version(), architecture)
        title = f"Build of the {TITLES[name]} backend"
        library = perform(self._jobs, self._kind, title, order, progress=progress, cancelled=cancelled)
        return self._backends.add(library, cancelled=cancelled)

    def _work(self, work: Work[BackendOrder, Path], run: Run) -> Path:
        builder = self._builder(work.order, Reporter(run))
        run.on_stop(builder.stop)
        with alone_at_building(self._paths.cache, "backend", run):
            library = builder.library()
        if run.stopped:
            raise CancelledError
        return library

    def _builder(self, order: BackendOrder, watcher: Reporter) -> VulkanBuilder | CudaBuilder:
        if order.name == "vulkan":
            return VulkanBuilder(self._paths.cache, order.version, watcher=watcher)
        return CudaBuilder(self._paths.cache, order.version, _nvcc(), order.architecture, watcher=watcher)


def _nvcc() -> Path:
    """NVIDIA's compiler. Raises EngineError."""
    found = find_nvcc()
    if found is None:
        raise EngineError(
            "There is no compiler for CUDA here (nvcc).",
            "Install NVIDIA's CUDA toolkit, or add a library that was made elsewhere: heft backends add FILE",
            kind=FailureKind.NO_COMPILER,
        )
    return found
