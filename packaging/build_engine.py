"""Build llama-cpp-python for this very CPU, once, and keep the wheel: prints the path of what was built on stdout.

    python3 packaging/build_engine.py               find the wheel in the cache, or build it there
    python3 packaging/build_engine.py --portable    the same for every CPU of this architecture, for installers
    python3 packaging/build_engine.py --vulkan      the backend for graphics cards, one library for every computer
    python3 packaging/build_engine.py --cuda [ARCH] the one for NVIDIA's cards
    python3 packaging/build_engine.py --cached      only look; exit code 3 when it is not there
    python3 packaging/build_engine.py --sdist       fetch the source archive only, print its path

Published wheels are compiled for the lowest common CPU, and come without llama.cpp's server; a native build uses AVX2,
AVX-512 or AMX where there is any. A portable one carries a backend for each generation of CPUs and chooses at start.
How it is built is in desktop/engine/builder, which "heft engine build" uses as well. Uses the standard library only: it
runs before anything is installed. Progress goes to stderr, every line of the compiler to a log file beside the wheels.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from desktop.engine.builder.compiling import SOURCES_BYTES, Builder, BuildError, Commands, Watcher  # noqa: E402
from desktop.engine.builder.cuda import NATIVE as CUDA_NATIVE  # noqa: E402
from desktop.engine.builder.cuda import CudaBuilder  # noqa: E402
from desktop.engine.builder.cuda_tools import WHEEL_BYTES, can_fetch, installed  # noqa: E402
from desktop.engine.builder.recipe import NATIVE, PORTABLE, PROJECT, Recipe, jobs  # noqa: E402
from desktop.engine.builder.vulkan import VulkanBuilder, is_placed, place  # noqa: E402


def cache_folder() -> Path:
    """Heft's folder under the user's cache folder (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "heft"


def pinned_version() -> str:
    """The version that constraints.txt names."""
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        name, _, version = line.partition("==")
        if name.lower().replace("_", "-") == PROJECT:
            return version.strip()
    raise SystemExit(f"constraints.txt does not pin {PROJECT}.")


class Progress(Watcher):
    """One rewritten line on a terminal; elsewhere a plain line at every tenth of the way."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._started = 0.0
        self._tenth, self._total = -1, 0

    def fetching(self, version: str) -> None:
        """A line of its own."""
        size = SOURCES_BYTES // 1_000_000
        sys.stderr.write(f"Fetching the sources of {PROJECT} {version} (about {size} MB)\n")

    def compiling(self, recipe: Recipe) -> None:
        """A line of its own."""
        whom = "this computer" if recipe.native else "every computer of its kind"
        sys.stderr.write(f"Compiling llama.cpp for {whom}, {jobs()} at a time. This happens once.\n")

    def fetching_tools(self) -> None:
        """A line of its own."""
        sys.stderr.write("Fetching what Vulkan's shaders are compiled with (about 20 MB)\n")

    def fetched(self, label: str, done: int, total: int) -> None:
        """A line for each part that is here."""
        sys.stderr.write(f"{label}: {done // 1_000_000} of {total // 1_000_000} MB\n")

    def compiling_backend(self, name: str) -> None:
        """A line of its own."""
        sys.stderr.write(f"Compiling llama.cpp's {name} backend, {jobs()} at a time. This happens once.\n")

    def step(self, label: str, done: int, total: int) -> None:
        """Report ``done`` of ``total`` compilation steps."""
        self._started = self._started or time.monotonic()
        if total != self._total:  # what was to be done first is done: one program, say, that makes the sources
            self._total, self._tenth = total, -1
        seconds = time.monotonic() - self._started
        left = f", about {seconds / done * (total - done):.0f} s left" if done >= 10 else ""
        if self._terminal:
            width = 30
            filled = width * done // total
            bar = "#" * filled + "." * (width - filled)
            sys.stderr.write(f"\r\033[K{label} [{bar}] {done}/{total}, {seconds:.0f} s{left}")
        elif done * 10 // total > self._tenth:
            self._tenth = done * 10 // total
            sys.stderr.write(f"{label}: {done} of {total}, {seconds:.0f} s{left}\n")
        sys.stderr.flush()

    def ended(self, label: str) -> None:
        """Leave the finished line standing."""
        if self._terminal:
            sys.stderr.write("\n")
        self._started, self._tenth = 0.0, -1


def run_logged(command: list[str], environment: dict[str, str], log: Path, label: str) -> None:
    """Run ``command`` with all of its output in ``log``; exit with the log's tail when it fails."""
    try:
        Commands(Progress()).run(command, environment, log, label)
    except BuildError as failed:
        raise SystemExit(str(failed)) from None


def builder(version: str, options: str) -> Builder:
    """Builds into Heft's cache, held to constraints.txt."""
    return Builder(cache_folder(), Recipe(version, options, ROOT / "constraints.txt"), Progress())


def fetch_sdist(version: str) -> Path:
    """The source archive, from the cache or through pip."""
    try:
        return builder(version, NATIVE).sources()
    except BuildError as failed:
        raise SystemExit(str(failed)) from None


def vulkan(version: str, into: Path | None, *, only_cached: bool) -> int:
    """Print the path of the Vulkan backend, in the folder ``into`` where one is named; a failure is one sentence."""
    build = VulkanBuilder(cache_folder(), version, ROOT / "constraints.txt", Progress())
    if only_cached and build.cached() is None:
        return 3
    try:
        library = build.library()
        if into is not None:
            if not is_placed(library, into):
                place(library, into)
            library = into / library.name
        print(library)
    except BuildError as failed:
        raise SystemExit(f"{failed.label} failed. The whole log: {failed.log}") from None
    except OSError as failed:
        raise SystemExit(f"The Vulkan backend could not be built: {failed}") from None
    return 0


def cuda(version: str, architecture: str, *, only_cached: bool) -> int:
    """Print the path of the CUDA backend for an architecture ("89", "native"); a failure is one sentence."""
    toolkit = installed()
    if toolkit is None and not can_fetch():
        raise SystemExit("There is no CUDA toolkit here: install NVIDIA's, or set CUDA_PATH to it.")
    try:
        build = CudaBuilder(cache_folder(), version, toolkit, architecture, ROOT / "constraints.txt", Progress())
        if only_cached and build.cached() is None:
            return 3
        if toolkit is None and build.cached() is None:
            sys.stderr.write(f"With NVIDIA's compiler as it is published for pip ({WHEEL_BYTES // 1_000_000} MB)\n")
        print(build.library())
    except BuildError as failed:
        raise SystemExit(f"{failed.label} failed. The whole log: {failed.log}") from None
    except OSError as failed:
        raise SystemExit(f"The CUDA backend could not be built: {failed}") from None
    return 0


def main() -> int:
    """Print the path of the wheel (or of the sources, or the backend); 3 when ``--cached`` finds none."""
    parser = argparse.ArgumentParser(description="Build the engine for this computer.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--portable", action="store_true", help="for every CPU of this architecture")
    what.add_argument("--vulkan", action="store_true", help="the backend for graphics cards instead")
    what.add_argument("--cuda", nargs="?", const=CUDA_NATIVE, metavar="ARCH", help="the backend for NVIDIA's cards")
    parser.add_argument("--into", type=Path, metavar="FOLDER", help="with --vulkan: put it there, with its loader")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--cached", action="store_true", help="only look; exit code 3 when it is not there")
    choice.add_argument("--sdist", action="store_true", help="fetch the sources only and print their path")
    args = parser.parse_args()
    version = pinned_version()
    if args.sdist:
        print(fetch_sdist(version))
        return 0
    if args.vulkan:
        return vulkan(version, args.into, only_cached=args.cached)
    if args.cuda:
        return cuda(version, args.cuda, only_cached=args.cached)
    build = builder(version, PORTABLE if args.portable else NATIVE)
    if args.cached and build.cached() is None:
        return 3
    try:
        print(build.wheel())
    except BuildError as failed:
        raise SystemExit(str(failed)) from None
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
