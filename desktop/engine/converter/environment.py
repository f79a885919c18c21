"""The converter's Python environment: what it would cost, and making it, package by package.

Nothing of it is made before somebody has agreed but an empty environment, whose pip says which packages would come.
What a stopped download has reached is kept, wheel by wheel.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from desktop.core.cancelled import Cancelled
from desktop.core.progress import Progress, Report
from desktop.core.words import tr
from desktop.engine.converter.process import ProcessFailed, run_python
from desktop.engine.converter.pythons import environment_python, find_python
from desktop.engine.converter.sources import ConverterSources

# bytes on the disk for a byte that is fetched: of CUDA's libraries, and of all else; measured (docs/reference/lab.md)
_UNPACKED_CUDA, _UNPACKED = 1.5, 3.0
NAMED = ("torch", "transformers", "sentencepiece")  # what it is told to need
NO_INDEX = "none"  # in the place of a further index: only the ones that pip is set up with
_MAKING = "making-"
_READY = "ready.json"
_WHEELS = "wheels"
_FIRST_PIP = (24, 1)  # that says what it would install without fetching all of it
_PIP = "pip==25.3"  # in the place of an older one
_REPORT = "report.json"


class Package(msgspec.Struct, frozen=True):
    """A package that would be fetched; ``size_bytes`` is None where the index does not say it."""

    name: str
    version: str
    size_bytes: int | None = None


@dataclass(frozen=True)
class EnvironmentCost:
    """What making it takes. ``index`` is asked besides those that pip is set up with, "" for none. Packages whose
    size nobody tells are not in the sizes."""

    packages: tuple[Package, ...]
    index: str = ""

    @property
    def download_bytes(self) -> int:
        """To fetch."""
        return sum(package.size_bytes or 0 for package in self.packages)

    @property
    def disk_bytes(self) -> int:
        """On the disk when it is made, about."""
        return int(
            sum(
                (package.size_bytes or 0) * (_UNPACKED_CUDA if package.name.startswith("nvidia-") else _UNPACKED)
                for package in self.packages
            )
        )

    @property
    def room_bytes(self) -> int:
        """On the disk while it is made, about."""
        return self.download_bytes + self.disk_bytes

    @property
    def untold(self) -> int:
        """Packages whose size nobody tells."""
        return sum(package.size_bytes is None for package in self.packages)


class ConverterEnvironment:
    """One environment below ``folder`` for the packages of a converter. Raises ProcessFailed, CancelledError, OSError,
    EngineError ("no-python")."""

    def __init__(self, folder: Path, sources: ConverterSources, log: Path, index: str = "") -> None:
        """``index`` is a further index of packages in the place of the one that the converter names, or NO_INDEX."""
        self._folder, self._sources, self._log = folder, sources, log
        self._chosen = bool(index)
        own = sources.index if sys.platform == "linux" else ""  # elsewhere torch is for processors as it is
        self._index = "" if index == NO_INDEX else index or own
        key = hashlib.sha256("\n".join(sources.requirements).encode()).hexdigest()[:16]
        self.root = folder / f"environment-{key}"
        self._making = folder / f"{_MAKING}{key}"

    @property
    def python(self) -> Path:
        """Its Python."""
        return environment_python(self.root)

    @property
    def ready(self) -> bool:
        """Whether it is made; one whose Python is gone from the system is not."""
        return (self.root / _READY).is_file() and self.python.exists()

    def cost(self, cancelled: Cancelled) -> EnvironmentCost:
        """What making it takes here, by pip's own word; asks the index."""
        python = self._empty(cancelled)
        report = self._making / _REPORT
        report.unlink(missing_ok=True)
        # fast-deps: of a wheel whose description the index does not give, only its end is fetched
        asked = ["install", "--dry-run", "--use-feature=fast-deps", "--ignore-installed", "--only-binary", ":all:"]
        further = self._further(self._reached(python, cancelled))
        self._pip(python, [*asked, "--report", str(report), *further, *self._sources.requirements], cancelled)
        found = json.loads(report.read_bytes())["install"]
        addresses = [one["download_info"]["url"] for one in found]
        sizes = self._sizes(python, addresses, cancelled)
        packages = tuple(
            Package(one["metadata"]["name"], one["metadata"]["version"], size)
            for one, size in zip(found, sizes, strict=True)
        )
        return EnvironmentCost(packages, further[-1] if further else "")

    def make(self, packages: tuple[Package, ...], index: str, progress: Report, cancelled: Cancelled) -> None:
        """Fetch the packages, from ``index`` too where there is one, and put them into it. Progress is in bytes while
        they are fetched."""
        if self.ready:
            return
        python = self._empty(cancelled)
        wheels = self._making / _WHEELS
        wheels.mkdir(exist_ok=True)
        total = sum(package.size_bytes or 0 for package in packages)
        done = 0
        for package in packages:
            note = f"fetching {package.name}"
            progress(Progress(done, total, "bytes", note))
            mark = wheels / f"{package.name}-{package.version}.fetched"
            if not mark.exists():
                self._fetch(
                    python, package, index, wheels, cancelled, _counted(progress, done, total, note, self._scratch)
                )
                mark.touch()
            done += package.size_bytes or 0
        progress(Progress(done, total, "bytes", "unpacking"))
        pinned = [f"{package.name}=={package.version}" for package in packages]
        held = ["install", "--no-index", "--no-deps", "--find-links", str(wheels), "--no-cache-dir"]
        self._pip(python, [*held, *pinned], cancelled)
        progress(Progress(done, total, "bytes", tr("trying it")))
        self._call(python, ["check", *NAMED, "numpy", "yaml"], cancelled)
        shutil.rmtree(wheels, ignore_errors=True)
        names = {package.name: package.version for package in packages}
        (self._making / _READY).write_text(json.dumps(names), encoding="utf-8")
        for older in self._folder.glob("environment-*"):  # what an older converter needed, or one whose Python is gone
            shutil.rmtree(older, ignore_errors=True)
        self._making.rename(self.root)

    def discard(self) -> None:
        """Remove what is half made."""
        shutil.rmtree(self._making, ignore_errors=True)

    # -- inside ------------------------------------------------------------------------------------

    def _empty(self, cancelled: Cancelled) -> Path:
        """The Python of an environment with pip in it and nothing else, or with what was begun."""
        python = environment_python(self._making)
        mark = self._making / "begun"
        if not (mark.is_file() and python.exists()):
            shutil.rmtree(self._making, ignore_errors=True)
            self._making.mkdir(parents=True)
            self._call(find_python(), ["module", "venv", str(self._making)], cancelled)
            if self._pip_version() < _FIRST_PIP:
                self._pip(python, ["install", _PIP], cancelled)
            mark.touch()
        return python

    def _pip_version(self) -> tuple[int, ...]:
        found = [path.name for path in self._making.rglob("pip-*.dist-info")]
        version = found[0].removeprefix("pip-").removesuffix(".dist-info") if found else ""
        return tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())

    def _fetch(
        self,
        python: Path,
        package: Package,
        index: str,
        wheels: Path,
        cancelled: Cancelled,
        watch: Callable[[], None],
    ) -> None:
        wanted = f"{package.name}=={package.version}"
        fetch = ["download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--dest", str(wheels)]
        self._pip(python, [*fetch, *self._further(index), wanted], cancelled, watch)

    def _sizes(self, python: Path, addresses: list[str], cancelled: Cancelled) -> list[int | None]:
        answer = self._making / "sizes.json"
        answer.unlink(missing_ok=True)
        self._call(python, ["sizes", *addresses], cancelled, output=answer)
        with suppress(OSError, msgspec.MsgspecError):
            return msgspec.json.decode(answer.read_bytes(), type=list[int | None])
        return [None] * len(addresses)

    @staticmethod
    def _further(index: str) -> list[str]:
        return ["--extra-index-url", index] if index else []

    def _reached(self, python: Path, cancelled: Cancelled) -> str:
        """The further index where it answers: pip asks each index for each package, and would wait each time."""
        if not self._index or self._chosen:
            return self._index
        with suppress(ProcessFailed):
            self._call(python, ["reach", self._index], cancelled)
            return self._index
        return ""

    def _pip(
        self, python: Path, arguments: list[str], cancelled: Cancelled, watch: Callable[[], None] = lambda: None
    ) -> None:
        quiet = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
        self._call(python, ["module", "pip", arguments[0], *quiet, *arguments[1:]], cancelled, watch=watch)

    def _call(
        self,
        python: Path,
        arguments: list[str],
        cancelled: Cancelled,
        *,
        output: Path | None = None,
        watch: Callable[[], None] = lambda: None,
    ) -> None:
        self._scratch.mkdir(exist_ok=True)
        variables = {"TMPDIR": str(self._scratch), "PIP_REQUIRE_VIRTUALENV": "0"}
        try:
            run_python(
                python, arguments, self._log, cancelled=cancelled, variables=variables, output=output, watch=watch
            )
        finally:
            shutil.rmtree(self._scratch, ignore_errors=True)

    @property
    def _scratch(self) -> Path:
        """Where pip puts what is not whole yet: a small /tmp in memory would not do."""
        return self._making / "scratch"


def _counted(progress: Report, done: float, total: float, note: str, folder: Path) -> Callable[[], None]:
    """Tells of what has come of a package, by the size of the files in a folder."""

    def look() -> None:
        come = 0
        with suppress(OSError):  # files come and go
            come = sum(file.stat().st_size for file in folder.rglob("*.whl"))
        progress(Progress(min(total, done + come), total, "bytes", note))

    return look
