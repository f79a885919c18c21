"""The Vulkan backend of the same llama.cpp: one library for every processor and every card, built once and kept.

It is the same in a checkout and in a package: a dynamic backend (GGML_BACKEND_DL), with the shaders that use a card's
matrix units, and beside it the Vulkan loader for computers that have none. On Debian and Ubuntu the headers and the
shader compiler come out of the archive (:mod:`desktop.engine.builder.debian_tools`); elsewhere CMake looks for them,
by VULKAN_SDK as well. macOS has Metal in the engine itself.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from desktop.engine.builder.compiling import Watcher
from desktop.engine.builder.debian_tools import NEWER, Packages, own_archive, own_release
from desktop.engine.builder.ggml_alone import LINUX, PROJECT, BackendBuilder, GgmlBuild, library_name, options
from desktop.engine.builder.recipe import LOADER, LOADER_FOLDER, Recipe

_TARGET = "ggml-vulkan"
LIBRARY = library_name(_TARGET)
NOTES = "vulkan.json"  # the packages that the library was made with and the loader is of, with their versions
COPYRIGHT = ".copyright"  # a file for each package of Debian's that the library or the loader holds anything of
_LABEL = "Compiling the Vulkan backend"
_OPTIONS = options("-DGGML_VULKAN=ON")


@dataclass(frozen=True)
class _Tools:
    """What CMake is told of headers and shader compiler, and where the loader for computers without one lies."""

    options: tuple[str, ...] = ()
    versions: tuple[tuple[str, str], ...] = ()
    loader: Path | None = None
    licences: tuple[Path, ...] = ()


class VulkanBuilder(BackendBuilder):
    """Builds into the folder ``cache``, its subfolder "vulkan", from the sources of llama-cpp-python ``version``."""

    def __init__(
        self, cache: Path, version: str, constraints: Path | None = None, watcher: Watcher | None = None
    ) -> None:
        super().__init__(cache, Recipe(version, constraints=constraints), "vulkan", _TARGET, watcher)

    @property
    def key(self) -> str:
        """What the library depends on; not the processor, and no file of the engine's server."""
        parts = (self._recipe.version, *_OPTIONS, *LINUX, PROJECT, _release(), platform.machine())
        return hashlib.sha256("\0".join((*parts, *platform.libc_ver())).encode()).hexdigest()[:16]

    def make(self, sources: Path, folder: Path, kept: Path) -> Path:
        """With the loader, the licences and the tools' versions beside it."""
        self._watcher.fetching_tools()
        for left in ("tools", "own"):  # by a build that was stopped
            shutil.rmtree(folder / left, ignore_errors=True)
        tools = self._tools(folder)
        if tools.loader is not None:
            shutil.copyfile(tools.loader, kept / LOADER)
        for text in tools.licences:
            shutil.copyfile(text, kept / f"{text.parent.name}{COPYRIGHT}")
        (kept / NOTES).write_text(json.dumps(dict(tools.versions), indent=1) + "\n", encoding="utf-8")
        self._watcher.compiling_backend("Vulkan")
        asked = (*_OPTIONS, *tools.options, *(LINUX if sys.platform == "linux" else ()))
        return GgmlBuild(sources, folder, self._recipe, self._commands, self.log).library(_TARGET, asked, _LABEL)

    def _tools(self, folder: Path) -> _Tools:
        archive = own_archive()
        if archive is None:
            return _Tools()
        log = self.log("tools")
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
