"""One backend of llama.cpp, compiled without the rest: out of the engine's own sources, once, as its own library."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from desktop.engine.builder.compiling import PIP, UNFINISHED, Builder, Commands, Watcher, remove_stale
from desktop.engine.builder.recipe import Recipe, jobs

# As DT_RPATH, which comes before the user's LD_LIBRARY_PATH: folders below the engine's libraries lead to those.
_LINK = "-s -Wl,--disable-new-dtags"
SEARCH_PATH = "$ORIGIN;$ORIGIN/..;$ORIGIN/../.."
LINUX = (
    "-DCMAKE_BUILD_WITH_INSTALL_RPATH=ON", f"-DCMAKE_INSTALL_RPATH={SEARCH_PATH}",
    f"-DCMAKE_MODULE_LINKER_FLAGS={_LINK}", f"-DCMAKE_SHARED_LINKER_FLAGS={_LINK}",
)  # fmt: skip
# ggml alone: what the backend needs of llama.cpp, as a part of a project as llama.cpp itself has it
PROJECT = """\
cmake_minimum_required(VERSION 3.19)
project(heft_backend C CXX)
add_subdirectory(ggml)
"""
_CMAKE_LEAST = (3, 19)  # ggml/src/ggml-vulkan/CMakeLists.txt


def options(*own: str) -> tuple[str, ...]:
    """CMake's for a backend, with those that ask for this one."""
    return (
        "-DCMAKE_BUILD_TYPE=Release", "-DBUILD_SHARED_LIBS=ON", "-DGGML_BACKEND_DL=ON", *own, "-DGGML_CPU=OFF",
        "-DGGML_NATIVE=OFF", "-DGGML_OPENMP=OFF", "-DGGML_BUILD_TESTS=OFF", "-DGGML_BUILD_EXAMPLES=OFF",
    )  # fmt: skip


class GgmlBuild:
    """Compiles in ``folder``, from the archive ``sources``; ``log`` says where each step is written.

    A folder in which an earlier build was stopped is gone on with.
    """

    def __init__(
        self, sources: Path, folder: Path, recipe: Recipe, commands: Commands, log: Callable[[str], Path]
    ) -> None:
        self._sources, self._folder, self._recipe = sources, folder, recipe
        self._commands, self._log = commands, log

    def library(self, target: str, options: Sequence[str], label: str) -> Path:
        """The compiled library of a target ("ggml-vulkan"). Raises BuildError, OSError."""
        source, build = self._folder / "source", self._folder / "build"
        if not source.is_dir():  # of files that are new all is compiled again
            new = self._folder / "unpacking"
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir()
            _unpack_ggml(self._sources, new)
            (new / "CMakeLists.txt").write_text(PROJECT, encoding="utf-8")
            new.rename(source)
        cmake, environment = self._cmake(self._folder / "cmake")
        words = [cmake, "-S", str(source), "-B", str(build), *options]
        if sys.platform != "win32":  # there Visual Studio's own, which finds its compiler by itself
            words += ["-G", "Ninja"]
        self._commands.run(words, environment, self._log("configure"), label)
        words = [cmake, "--build", str(build), "--target", target, "--config", "Release"]
        words += ["--parallel", str(jobs())]
        self._commands.run(words, environment, self._log("build"), label)
        return next(build.rglob(library_name(target)))

    def _cmake(self, folder: Path) -> tuple[str, dict[str, str]]:
        """CMake and Ninja: this computer's, else through pip; the program, and the environment that has both."""
        found = shutil.which("cmake")
        if found and shutil.which("ninja") and _version_of(found) >= _CMAKE_LEAST:
            return found, dict(os.environ)
        environment = self._recipe.environment()
        words = [*PIP, "install", "--target", str(folder), "cmake", "ninja"]
        self._commands.run(words, environment, self._log("cmake"), "Fetching CMake")
        programs = [folder / "cmake" / "data" / "bin", folder / "bin"]
        path = os.pathsep.join([*map(str, programs), os.environ.get("PATH", "")])
        return str(programs[0] / "cmake"), {**os.environ, "PATH": path}


class BackendBuilder(ABC):
    """Builds the library of a target ("ggml-vulkan") into ``cache``/``folder``, from the sources of a recipe, and keeps
    it there. A kind of backend says what its library depends on (:attr:`key`) and how it is made (:meth:`make`).
    What a stopped build has compiled is kept, and the next one goes on from there.
    """

    def __init__(self, cache: Path, recipe: Recipe, folder: str, target: str, watcher: Watcher | None = None) -> None:
        self._folder, self._name = cache / folder, library_name(target)
        self._recipe, self._watcher = recipe, watcher or Watcher()
        self._commands = Commands(self._watcher)
        self._sources = Builder(cache, recipe, self._watcher)

    @property
    @abstractmethod
    def key(self) -> str:
        """Name of the folder: two computers share a library only if this is equal on both."""

    @abstractmethod
    def make(self, sources: Path, folder: Path, kept: Path) -> Path:
        """The library, compiled from the archive ``sources`` in ``folder``, which is empty or has what a stopped build
        left; what belongs beside it goes into ``kept``. Raises BuildError, OSError.
        """

    @property
    def target(self) -> Path:
        """Where the finished library lies, with what belongs beside it."""
        return self._folder / self.key

    def cached(self) -> Path | None:
        """The finished library, if there is one."""
        library = self.target / self._name
        return library if library.is_file() else None

    def discard(self) -> None:
        """Remove what a stopped build has left."""
        shutil.rmtree(self._unfinished, ignore_errors=True)

    def stop(self) -> None:
        """End it; from any thread."""
        self._sources.stop()
        self._commands.stop()

    def library(self) -> Path:
        """The library: the cached one, or made now. Raises BuildError, OSError."""
        if (found := self.cached()) is not None:
            return found
        sources, target = self._sources.sources(), self.target
        self._folder.mkdir(parents=True, exist_ok=True)
        remove_stale(self._folder)
        with self._place() as place:
            work, kept = place / "work", place / "kept"
            work.mkdir(exist_ok=True)
            shutil.rmtree(kept, ignore_errors=True)
            kept.mkdir()
            shutil.copyfile(self.make(sources, work, kept), kept / self._name)
            (kept / self._name).chmod(0o755)
            shutil.rmtree(target, ignore_errors=True)
            kept.rename(target)
        return target / self._name

    @property
    def _unfinished(self) -> Path:
        return self._folder / f"{UNFINISHED}{self.key}"

    @contextmanager
    def _place(self) -> Iterator[Path]:
        """A folder to build in. It goes with the build, unless something was compiled that a later one can go on with:
        after a stop, and after a failure, whose cause may be a full disk.
        """
        place = self._unfinished
        place.mkdir(exist_ok=True)
        try:
            yield place
        except BaseException:
            if not any((place / "work").glob("build/.ninja_log")):
                shutil.rmtree(place, ignore_errors=True)
            raise
        shutil.rmtree(place, ignore_errors=True)

    def log(self, name: str) -> Path:
        """Where a step of the work is written."""
        return self._folder / f"{name}.log"


def library_name(target: str) -> str:
    """What the library of a target is called on this system: "libggml-vulkan.so"."""
    return f"{target}.dll" if sys.platform == "win32" else f"lib{target}.so"


def _version_of(cmake: str) -> tuple[int, ...]:
    with suppress(OSError):
        said = subprocess.run([cmake, "--version"], capture_output=True, text=True, check=False).stdout
        if found := re.search(r"(\d+)\.(\d+)", said):
            return int(found[1]), int(found[2])
    return ()


def _unpack_ggml(sources: Path, target: Path) -> None:
    """Its files alone, by hand: tarfile's filters came with Python 3.11.4, and Debian 12 has 3.11.2."""
    with tarfile.open(sources) as archive:
        for member in archive:
            parts = PurePosixPath(member.name).parts
            content = archive.extractfile(member) if member.isfile() else None
            if content is None or parts[1:4] != ("vendor", "llama.cpp", "ggml") or ".." in parts:
                continue
            file = target.joinpath(*parts[3:])
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("wb") as sink:
                shutil.copyfileobj(content, sink)
