"""The Vulkan backend of the same llama.cpp: one library for every processor and every card, built once and kept.

It is the same in a checkout and in a package: a dynamic backend (GGML_BACKEND_DL), with the shaders that use a card's
matrix units, and beside it the Vulkan loader for computers that have none. On Debian and Ubuntu the headers and the
shader compiler come out of the archive (:mod:`desktop.engine.builder.debian_tools`); elsewhere CMake looks for them,
by VULKAN_SDK as well. macOS has Metal in the engine itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from desktop.engine.builder.compiling import PIP, UNFINISHED, Builder, Commands, Watcher, remove_stale
from desktop.engine.builder.debian_tools import NEWER, Packages, own_archive, own_release
from desktop.engine.builder.recipe import LOADER, LOADER_FOLDER, Recipe, jobs

LIBRARY = "ggml-vulkan.dll" if sys.platform == "win32" else "libggml-vulkan.so"
NOTES = "vulkan.json"  # the packages that the library was made with and the loader is of, with their versions
COPYRIGHT = ".copyright"  # a file for each package of Debian's that the library or the loader holds anything of
_LABEL = "Compiling the Vulkan backend"
# As DT_RPATH, which comes before the user's LD_LIBRARY_PATH: folders below the engine's libraries lead to those.
_LINK = "-s -Wl,--disable-new-dtags"
_OPTIONS = (
    "-DCMAKE_BUILD_TYPE=Release", "-DBUILD_SHARED_LIBS=ON", "-DGGML_BACKEND_DL=ON", "-DGGML_VULKAN=ON",
    "-DGGML_CPU=OFF", "-DGGML_NATIVE=OFF", "-DGGML_OPENMP=OFF", "-DGGML_BUILD_TESTS=OFF", "-DGGML_BUILD_EXAMPLES=OFF",
)  # fmt: skip
_LINUX = (
    "-DCMAKE_BUILD_WITH_INSTALL_RPATH=ON", "-DCMAKE_INSTALL_RPATH=$ORIGIN;$ORIGIN/..;$ORIGIN/../..",
    f"-DCMAKE_MODULE_LINKER_FLAGS={_LINK}", f"-DCMAKE_SHARED_LINKER_FLAGS={_LINK}",
)  # fmt: skip
# ggml alone: what the backend needs of llama.cpp, as a part of a project as llama.cpp itself has it
_PROJECT = """\
cmake_minimum_required(VERSION 3.19)
project(heft_backend C CXX)
add_subdirectory(ggml)
"""
_CMAKE_LEAST = (3, 19)  # ggml/src/ggml-vulkan/CMakeLists.txt


@dataclass(frozen=True)
class _Tools:
    """What CMake is told of headers and shader compiler, and where the loader for computers without one lies."""

    options: tuple[str, ...] = ()
    versions: tuple[tuple[str, str], ...] = ()
    loader: Path | None = None
    licences: tuple[Path, ...] = ()


class VulkanBuilder:
    """Builds into the folder ``cache``, its subfolder "vulkan", from the sources of llama-cpp-python ``version``."""

    def __init__(
        self, cache: Path, version: str, constraints: Path | None = None, watcher: Watcher | None = None
    ) -> None:
        self._cache = cache
        self._recipe = Recipe(version, constraints=constraints)
        self._watcher = watcher or Watcher()
        self._commands = Commands(self._watcher)
        self._sources = Builder(cache, self._recipe, self._watcher)

    @property
    def key(self) -> str:
        """What the library depends on; not the processor, and no file of the engine's server."""
        parts = (self._recipe.version, *_OPTIONS, *_LINUX, _PROJECT, _release(), platform.machine())
        return hashlib.sha256("\0".join((*parts, *platform.libc_ver())).encode()).hexdigest()[:16]

    def cached(self) -> Path | None:
        """The finished library, if there is one."""
        library = self._target / LIBRARY
        return library if library.is_file() else None

    def stop(self) -> None:
        """End it; from any thread."""
        self._sources.stop()
        self._commands.stop()

    def library(self) -> Path:
        """The library: the cached one, or compiled now. Raises BuildError, OSError."""
        if (found := self.cached()) is not None:
            return found
        sources = self._sources.sources()
        self._target.parent.mkdir(parents=True, exist_ok=True)
        remove_stale(self._target.parent)
        with tempfile.TemporaryDirectory(
            dir=self._target.parent, prefix=UNFINISHED, ignore_cleanup_errors=True
        ) as name:
            folder = Path(name)
            self._watcher.fetching_tools()
            tools = self._tools(folder)
            self._watcher.compiling_backend("Vulkan")
            built = self._compile(sources, folder, tools)
            kept = folder / "kept"
            kept.mkdir()
            shutil.copyfile(built, kept / LIBRARY)
            (kept / LIBRARY).chmod(0o755)
            if tools.loader is not None:
                shutil.copyfile(tools.loader, kept / LOADER)
            for text in tools.licences:
                shutil.copyfile(text, kept / f"{text.parent.name}{COPYRIGHT}")
            (kept / NOTES).write_text(json.dumps(dict(tools.versions), indent=1) + "\n", encoding="utf-8")
            shutil.rmtree(self._target, ignore_errors=True)
            kept.rename(self._target)
        return self._target / LIBRARY

    @property
    def _target(self) -> Path:
        return self._cache / "vulkan" / self.key

    def _log(self, name: str) -> Path:
        return self._target.parent / f"{name}.log"

    def _tools(self, folder: Path) -> _Tools:
        archive = own_archive()
        if archive is None:
            return _Tools()
        log = self._log("tools")
        packages = Packages(archive.newer, folder / "tools", self._commands, log)
        versions = packages.unpack("glslc", "libvulkan-dev", "spirv-headers")
        # for older releases than the tools are of, too: the loader of this one
        own = packages if archive.newer == archive else Packages(archive, folder / "own", self._commands, log)
        versions |= own.unpack("libvulkan1")
        headers = packages.root / "usr" / "include"
        options = (
            f"-DVulkan_INCLUDE_DIR={headers}",
            f"-DVulkan_LIBRARY={packages.file('usr/lib/**/libvulkan.so')}",
            f"-DVulkan_GLSLC_EXECUTABLE={packages.program('glslc')}",
            f"-DSPIRV-Headers_DIR={packages.file('usr/**/SPIRV-HeadersConfig.cmake').parent}",
        )
        loader = own.file(f"usr/lib/**/{LOADER}").resolve()
        texts = (own.file("usr/share/doc/libvulkan1/copyright"), packages.file("usr/share/doc/spirv-headers/copyright"))
        return _Tools(options, tuple(versions.items()), loader, texts)

    def _compile(self, sources: Path, folder: Path, tools: _Tools) -> Path:
        source, build = folder / "source", folder / "build"
        source.mkdir()
        _unpack_ggml(sources, source)
        (source / "CMakeLists.txt").write_text(_PROJECT, encoding="utf-8")
        cmake, environment = self._cmake(folder / "cmake")
        words = [cmake, "-S", str(source), "-B", str(build), *_OPTIONS, *tools.options]
        if sys.platform != "win32":  # there Visual Studio's own, which finds its compiler by itself
            words += ["-G", "Ninja"]
        words += _LINUX if sys.platform == "linux" else ()
        self._commands.run(words, environment, self._log("configure"), _LABEL)
        words = [cmake, "--build", str(build), "--target", "ggml-vulkan", "--config", "Release"]
        words += ["--parallel", str(jobs())]
        self._commands.run(words, environment, self._log("build"), _LABEL)
        return next(build.rglob(LIBRARY))

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


def place(library: Path, folder: Path) -> None:
    """Put a finished library, and what was kept with it, into ``folder``, which holds nothing else. Raises OSError.

    The system's loader is taken by the library itself, the one beside it only through the link (a library's search
    path begins where it was opened): :func:`desktop.engine.backends.loadable` says which.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = library.parent
    with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as name:
        new = Path(name) / "new"
        new.mkdir()
        for file in kept.iterdir():
            if file.name != LOADER:
                shutil.copy2(file, new / file.name)
        if (kept / LOADER).exists():
            (new / LOADER_FOLDER).mkdir()
            shutil.copy2(kept / LOADER, new / LOADER_FOLDER / LOADER)
            (new / LOADER_FOLDER / LIBRARY).symlink_to(f"../{LIBRARY}")
        shutil.rmtree(folder)
        new.rename(folder)


def is_placed(library: Path, folder: Path) -> bool:
    """Whether ``folder`` has this very library: a copy keeps its size and time."""
    try:
        there, here = (folder / LIBRARY).stat(), library.stat()
    except OSError:
        return False
    return (there.st_size, int(there.st_mtime)) == (here.st_size, int(here.st_mtime))


def _release() -> str:
    """Whose tools: the release of Debian or Ubuntu that they are of, else this computer's own."""
    system, suite = own_release()
    return f"{system} {NEWER.get(suite, suite)}" if system else sys.platform


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
