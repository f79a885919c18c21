"""A build through pip: sources fetched, compiled with progress, the finished wheel moved into the cache in one step.

The sources come through pip, so whatever index the user has configured is the one that is asked.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from desktop.engine.builder.recipe import PROJECT, Recipe

PIP = (sys.executable, "-m", "pip")
SOURCES_BYTES = 75_000_000
ROOM_BYTES = 1_000_000_000  # on the disk of the cache while it builds, which takes 0.6 GB; 110 MB of it stay
_NINJA = re.compile(r"^\s*\[(\d+)/(\d+)\]")
_MAKE = re.compile(r"^\s*\[\s*(\d+)%\]")
_LOG_TAIL_LINES = 40
UNFINISHED = "building-"  # how the folder of a build begins
_STALE_SECONDS = 24 * 3600.0  # no build takes so long: one that was killed has left its folder


class BuildError(Exception):
    """A step that failed; ``label`` names it, ``log`` has all that was printed, ``tail`` its end."""

    def __init__(self, label: str, log: Path) -> None:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        self.label, self.log, self.tail = label, log, "\n".join(lines[-_LOG_TAIL_LINES:])
        super().__init__(f"{self.tail}\n\n{label} failed. The whole log: {log}")


class SourcesError(BuildError):
    """The sources could not be fetched."""


class Watcher:
    """Hears how a build goes; this one is for nobody."""

    def fetching(self, version: str) -> None:
        """The sources, which takes as long as the network takes."""

    def compiling(self, recipe: Recipe) -> None:
        """First what the compiler needs is fetched; then steps are told."""

    def fetching_tools(self) -> None:
        """What a backend for graphics cards is compiled with, a few MB."""

    def fetched(self, label: str, done: int, total: int) -> None:
        """``done`` of ``total`` bytes of what ``label`` names are here."""

    def compiling_backend(self, name: str) -> None:
        """A backend, "Vulkan" say; then steps are told."""

    def step(self, label: str, done: int, total: int) -> None:
        """``done`` of ``total`` steps of what ``label`` names."""

    def ended(self, label: str) -> None:
        """All steps of it are done."""


class Commands:
    """Runs one command at a time with all of its output in a log. :meth:`stop` is called from any thread."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False

    def run(
        self, command: list[str], environment: dict[str, str], log: Path, label: str, *, folder: Path | None = None
    ) -> None:
        """Run it, in ``folder`` where one is named. Raises BuildError when it fails, and when it was stopped."""
        with log.open("w", encoding="utf-8") as sink:
            process = self._start(command, environment, folder)
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    sink.write(line)
                    if (step := _NINJA.match(line)) and step[1] != "0":  # 0: it looks what there is to do
                        self._watcher.step(label, int(step[1]), int(step[2]))
                    elif step := _MAKE.match(line):
                        self._watcher.step(label, int(step[1]), 100)
            except BaseException:
                _end(process)
                process.wait()
                raise
            finally:
                process.stdout.close()
        self._watcher.ended(label)
        if process.wait() != 0:
            raise BuildError(label, log)

    def stop(self) -> None:
        """End what runs and whatever it has started; nothing is started any more."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                _end(self._process)

    def _start(self, command: list[str], environment: dict[str, str], folder: Path | None) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command, env=environment, cwd=folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, encoding="utf-8", errors="replace", start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )  # fmt: skip
        with self._lock:
            self._process = process
            if self._stopped:
                _end(process)
        return process


def _end(process: subprocess.Popen[str]) -> None:
    """End pip, ninja and the compilers alike."""
    if process.poll() is not None:
        return
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
    else:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)


class Builder:
    """One recipe, built into the folder ``cache``: its subfolder "sdist" keeps sources, "wheels" what came of them."""

    def __init__(self, cache: Path, recipe: Recipe, watcher: Watcher | None = None) -> None:
        self.recipe = recipe
        self._cache = cache
        self._watcher = watcher or Watcher()
        self._commands = Commands(self._watcher)

    def cached(self) -> Path | None:
        """The finished wheel, if there is one."""
        return next(self._target.glob("*.whl"), None)

    def stop(self) -> None:
        """End it; from any thread."""
        self._commands.stop()

    def sources(self) -> Path:
        """The source archive, from the cache or through pip. Raises BuildError, OSError."""
        folder = self._cache / "sdist"
        archive = folder / f"llama_cpp_python-{self.recipe.version}.tar.gz"
        if archive.exists():
            return archive
        folder.mkdir(parents=True, exist_ok=True)
        self._watcher.fetching(self.recipe.version)
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            command = [*PIP, "download", "--no-deps", "--no-binary", PROJECT]
            command += ["--dest", temporary, f"{PROJECT}=={self.recipe.version}"]
            try:
                self._run(command, temporary, folder / "download.log", "Fetching the engine's sources")
            except BuildError as failed:
                raise SourcesError(failed.label, failed.log) from None
            next(Path(temporary).glob("*.tar.gz")).replace(archive)
        return archive

    def wheel(self) -> Path:
        """The wheel: the cached one, or compiled now. Raises BuildError, OSError."""
        if (found := self.cached()) is not None:
            return found
        sources = self.sources()
        wheels = self._cache / "wheels"
        wheels.mkdir(parents=True, exist_ok=True)
        remove_stale(wheels)
        self._watcher.compiling(self.recipe)
        with tempfile.TemporaryDirectory(dir=wheels, prefix=UNFINISHED, ignore_cleanup_errors=True) as temporary:
            command = [*PIP, "wheel", "-v", "--no-deps", "--no-cache-dir"]
            command += ["--wheel-dir", f"{temporary}/wheel", str(sources)]
            log = wheels / ("build.log" if self.recipe.native else "build-portable.log")
            self._run(command, temporary, log, "Compiling the engine")
            shutil.rmtree(self._target, ignore_errors=True)
            Path(temporary, "wheel").rename(self._target)
        return next(self._target.glob("*.whl"))

    @property
    def _target(self) -> Path:
        return self._cache / "wheels" / self.recipe.key

    def _run(self, command: list[str], temporary: str, log: Path, label: str) -> None:
        environment = self.recipe.environment()
        if sys.platform != "win32":  # there a path may have 260 characters
            environment["TMPDIR"] = temporary  # one disk needs room; a small /tmp in memory would not do
        self._commands.run(command, environment, log, label)


def remove_stale(wheels: Path, now: Callable[[], float] = time.time) -> None:
    """Remove what builds that were killed have left in their folder."""
    for folder in wheels.glob(f"{UNFINISHED}*"):
        with suppress(OSError):
            if now() - folder.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
