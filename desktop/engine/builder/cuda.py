"""The CUDA backend of the same llama.cpp: for the cards of one architecture, compiled once and kept.

It is not in any package: it would add hundreds of megabytes, and needs NVIDIA's libraries beside it. It is compiled
with the machine's own toolkit, or with the wheels of NVIDIA's (:mod:`desktop.engine.builder.cuda_tools`); CUDA's own
libraries (cudart, cublas) are taken from where that is. An hour's work: what a stopped build compiled is kept.
"""

from __future__ import annotations

import hashlib
import platform
import sys
from pathlib import Path

from desktop.engine.builder.compiling import Watcher
from desktop.engine.builder.cuda_tools import CudaWheels, Toolkit
from desktop.engine.builder.ggml_alone import LINUX, PROJECT, SEARCH_PATH, BackendBuilder, GgmlBuild, options
from desktop.engine.builder.recipe import Recipe

_TARGET = "ggml-cuda"
_LABEL = "Compiling the CUDA backend"
NATIVE = "native"  # the architecture of the cards that are here, which CMake asks nvcc for
# NCCL joins several cards; a library of it that happens to be here would be needed ever after
_OPTIONS = options("-DGGML_CUDA=ON", "-DGGML_CUDA_NCCL=OFF")


class CudaBuilder(BackendBuilder):
    """Builds into the folder ``cache``, its subfolder "cuda", from the sources of llama-cpp-python ``version``.

    ``toolkit`` is the machine's own, None for the wheels. ``architecture`` is CMake's: "89" for an RTX 4000, "native".
    """

    def __init__(
        self,
        cache: Path,
        version: str,
        toolkit: Toolkit | None,
        architecture: str = NATIVE,
        constraints: Path | None = None,
        watcher: Watcher | None = None,
    ) -> None:
        super().__init__(cache, Recipe(version, constraints=constraints), "cuda", _TARGET, watcher)
        self._toolkit, self._architecture = toolkit, architecture
        self._wheels = CudaWheels(self._folder, self._commands, self.log, self._watcher)

    @property
    def key(self) -> str:
        """What the library depends on. One for the cards that are here ("native") may be another tomorrow."""
        tools = self._toolkit.version if self._toolkit is not None else self._wheels.version
        parts = (self._recipe.version, *_OPTIONS, *LINUX, PROJECT, self._architecture, tools)
        return hashlib.sha256("\0".join((*parts, platform.machine(), *platform.libc_ver())).encode()).hexdigest()[:16]

    def make(self, sources: Path, folder: Path, kept: Path) -> Path:
        """An hour on two cores."""
        toolkit = self._toolkit or self._wheels.toolkit()
        self._watcher.compiling_backend("CUDA")
        compiling = GgmlBuild(sources, folder, self._recipe, self._commands, self.log)
        return compiling.library(_TARGET, self._options(toolkit), _LABEL)

    def _options(self, toolkit: Toolkit) -> tuple[str, ...]:
        own = (
            f"-DCMAKE_CUDA_COMPILER={toolkit.nvcc}",
            f"-DCUDAToolkit_ROOT={toolkit.root}",
            f"-DCMAKE_CUDA_ARCHITECTURES={self._architecture}",
        )
        if sys.platform != "linux":
            return (*_OPTIONS, *own)
        return (*_OPTIONS, *own, *LINUX, f"-DCMAKE_INSTALL_RPATH={SEARCH_PATH};{toolkit.libraries}")  # the last counts
