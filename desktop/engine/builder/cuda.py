"""The CUDA backend of the same llama.cpp, with the machine's own nvcc: for the cards of one architecture, and kept.

It is not in any package: it would add hundreds of megabytes, and needs NVIDIA's libraries beside it. CUDA's own
libraries (cudart, cublas) are taken from where this nvcc is. Compiled on no machine with a card so far.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from desktop.engine.builder.compiling import BuildError, Watcher
from desktop.engine.builder.ggml_alone import LINUX, PROJECT, SEARCH_PATH, BackendBuilder, GgmlBuild, options
from desktop.engine.builder.recipe import Recipe

_TARGET = "ggml-cuda"
_LABEL = "Compiling the CUDA backend"
NATIVE = "native"  # the architecture of the cards that are here, which CMake asks nvcc for
_USUAL = Path("/usr/local/cuda/bin")  # where NVIDIA's own packages put it, outside of PATH
# NCCL joins several cards; a library of it that happens to be here would be needed ever after
_OPTIONS = options("-DGGML_CUDA=ON", "-DGGML_CUDA_NCCL=OFF")


def find_nvcc() -> Path | None:
    """NVIDIA's compiler: that of CUDA_PATH, of PATH, or where NVIDIA's packages put it; None without one."""
    name = "nvcc.exe" if sys.platform == "win32" else "nvcc"
    named = Path(os.environ["CUDA_PATH"]) / "bin" / name if os.environ.get("CUDA_PATH") else None
    found = shutil.which("nvcc")
    places = (named, Path(found) if found else None, _USUAL / name)
    return next((place for place in places if place is not None and place.is_file()), None)


class CudaBuilder(BackendBuilder):
    """Builds into the folder ``cache``, its subfolder "cuda", from the sources of llama-cpp-python ``version``.

    ``architecture`` is CMake's, "89" for an RTX 4000, or "native".
    """

    def __init__(
        self,
        cache: Path,
        version: str,
        nvcc: Path,
        architecture: str = NATIVE,
        constraints: Path | None = None,
        watcher: Watcher | None = None,
    ) -> None:
        super().__init__(cache, Recipe(version, constraints=constraints), "cuda", _TARGET, watcher)
        self._nvcc, self._architecture = nvcc, architecture

    @property
    def key(self) -> str:
        """What the library depends on. One for the cards that are here ("native") may be another tomorrow."""
        parts = (self._recipe.version, *_OPTIONS, *LINUX, PROJECT, self._architecture, _version(self._nvcc))
        return hashlib.sha256("\0".join((*parts, platform.machine(), *platform.libc_ver())).encode()).hexdigest()[:16]

    def make(self, sources: Path, folder: Path, kept: Path) -> Path:
        """An hour on two cores."""
        self._watcher.compiling_backend("CUDA")
        compiling = GgmlBuild(sources, folder, self._recipe, self._commands, self.log)
        return compiling.library(_TARGET, self._options(), _LABEL)

    def _options(self) -> tuple[str, ...]:
        root = self._nvcc.resolve().parent.parent
        own = f"-DCMAKE_CUDA_COMPILER={self._nvcc}", f"-DCMAKE_CUDA_ARCHITECTURES={self._architecture}"
        if sys.platform != "linux":
            return (*_OPTIONS, *own)
        return (*_OPTIONS, *own, *LINUX, f"-DCMAKE_INSTALL_RPATH={SEARCH_PATH};{root / 'lib64'}")  # the last counts


def _version(nvcc: Path) -> str:
    try:
        return subprocess.run([nvcc, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError as error:
        raise BuildError(f"Asking {nvcc}", nvcc) from error
