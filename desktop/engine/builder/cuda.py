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
import tempfile
from pathlib import Path

from desktop.engine.builder.compiling import UNFINISHED, Builder, BuildError, Commands, Watcher, remove_stale
from desktop.engine.builder.ggml_alone import LINUX, PROJECT, SEARCH_PATH, GgmlBuild, library_name, options
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


class CudaBuilder:
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
        self._cache, self._nvcc, self._architecture = cache, nvcc, architecture
        self._recipe = Recipe(version, constraints=constraints)
        self._watcher = watcher or Watcher()
        self._commands = Commands(self._watcher)
        self._sources = Builder(cache, self._recipe, self._watcher)

    @property
    def key(self) -> str:
        """What the library depends on."""
        parts = (self._recipe.version, *_OPTIONS, *LINUX, PROJECT, self._architecture, _version(self._nvcc))
        return hashlib.sha256("\0".join((*parts, platform.machine(), *platform.libc_ver())).encode()).hexdigest()[:16]

    def cached(self) -> Path | None:
        """The finished library, if there is one. One for the cards that are here may be another tomorrow."""
        library = self._target / library_name(_TARGET)
        return library if library.is_file() else None

    def stop(self) -> None:
        """End it; from any thread."""
        self._sources.stop()
        self._commands.stop()

    def library(self) -> Path:
        """The library: the cached one, or compiled now: an hour on two cores. Raises BuildError, OSError."""
        if (found := self.cached()) is not None:
            return found
        sources = self._sources.sources()
        self._target.parent.mkdir(parents=True, exist_ok=True)
        remove_stale(self._target.parent)
        with tempfile.TemporaryDirectory(
            dir=self._target.parent, prefix=UNFINISHED, ignore_cleanup_errors=True
        ) as name:
            folder = Path(name)
            self._watcher.compiling_backend("CUDA")
            compiling = GgmlBuild(sources, folder, self._recipe, self._commands, self._log)
            built = compiling.library(_TARGET, self._options(), _LABEL)
            kept = folder / "kept"
            kept.mkdir()
            shutil.copyfile(built, kept / built.name)
            (kept / built.name).chmod(0o755)
            shutil.rmtree(self._target, ignore_errors=True)
            kept.rename(self._target)
        return self._target / library_name(_TARGET)

    def _options(self) -> tuple[str, ...]:
        root = self._nvcc.resolve().parent.parent
        own = f"-DCMAKE_CUDA_COMPILER={self._nvcc}", f"-DCMAKE_CUDA_ARCHITECTURES={self._architecture}"
        if sys.platform != "linux":
            return (*_OPTIONS, *own)
        return (*_OPTIONS, *own, *LINUX, f"-DCMAKE_INSTALL_RPATH={SEARCH_PATH};{root / 'lib64'}")  # the last counts

    @property
    def _target(self) -> Path:
        return self._cache / "cuda" / self.key

    def _log(self, name: str) -> Path:
        return self._target.parent / f"{name}.log"


def _version(nvcc: Path) -> str:
    try:
        return subprocess.run([nvcc, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError as error:
        raise BuildError(f"Asking {nvcc}", nvcc) from error
