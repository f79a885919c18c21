"""NVIDIA's compiler with the libraries it needs: the machine's own toolkit, else the wheels that NVIDIA publishes.

The wheels come through pip, so whatever index the user has configured is asked; each is fetched once and unpacked into
a folder that looks as an installed toolkit does. Nothing is installed, and no driver is needed to compile. The folder
stays: the finished backend takes CUDA's runtime and cuBLAS out of it.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from desktop.engine.builder.compiling import PIP, UNFINISHED, BuildError, Commands, SourcesError, Watcher

# Of one release of CUDA (13.0), which drivers from 580 on run; with the size of each wheel for x86-64, in bytes
WHEELS: tuple[tuple[str, str, int], ...] = (
    ("nvidia-cuda-crt", "13.0.88", 134_086),
    ("nvidia-cuda-cccl", "13.0.85", 3_120_526),
    ("nvidia-cuda-runtime", "13.0.96", 2_243_632),
    ("nvidia-cuda-nvcc", "13.0.88", 37_384_532),
    ("nvidia-nvvm", "13.0.88", 61_601_415),
    ("nvidia-cublas", "13.1.1.3", 423_138_758),
)
WHEEL_BYTES = sum(size for _, _, size in WHEELS)
UNPACKED_BYTES = 950_000_000  # of which the finished backend needs 600 MB, cuBLAS above all
_TREE = "nvidia/cu13/"  # where each of the wheels has its files
_LABEL = "Fetching NVIDIA's compiler"
_USUAL = Path("/usr/local/cuda/bin")  # where NVIDIA's own packages put it, outside of PATH
_TOP = re.compile(r"^#\$ TOP=(.+)$", re.M)
_DECLARED = re.compile(r"^CUresult CUDAAPI (cu\w+)\(", re.M)
_RENAMED = re.compile(r"^\s*#\s*define\s+cu\w+\s+(cu\w+)\s*$", re.M)


@dataclass(frozen=True)
class Toolkit:
    """A compiler, the folder of its toolkit, what it says of its version, and where CUDA's own libraries are."""

    nvcc: Path
    root: Path
    version: str
    libraries: Path


def find_nvcc() -> Path | None:
    """NVIDIA's compiler: that of CUDA_PATH, of PATH, or where NVIDIA's packages put it; None without one."""
    name = "nvcc.exe" if sys.platform == "win32" else "nvcc"
    named = Path(os.environ["CUDA_PATH"]) / "bin" / name if os.environ.get("CUDA_PATH") else None
    found = shutil.which("nvcc")
    places = (named, Path(found) if found else None, _USUAL / name)
    return next((place for place in places if place is not None and place.is_file()), None)


def installed() -> Toolkit | None:
    """The machine's own toolkit, where it has all that the backend is compiled with; a compiler alone is none."""
    nvcc = find_nvcc()
    if nvcc is None:
        return None
    root = _root_of(nvcc)
    includes = (root / "include", *root.glob("targets/*/include"), Path("/usr/include"))
    if sys.platform != "win32" and not any((folder / "cublas_v2.h").is_file() for folder in includes):
        return None
    return Toolkit(nvcc, root, _said(nvcc, "--version"), root / "lib64")


def can_fetch() -> bool:
    """Whether NVIDIA publishes the wheels for this computer."""
    return sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64")


class CudaWheels:
    """The toolkit out of wheels, below ``folder``, which other builds share. Raises BuildError, OSError."""

    def __init__(self, folder: Path, commands: Commands, log: Callable[[str], Path], watcher: Watcher) -> None:
        self._folder, self._commands, self._log, self._watcher = folder, commands, log, watcher

    @property
    def version(self) -> str:
        """Of what it will be, for the key of what is compiled with it."""
        return "\n".join(f"{name}=={version}" for name, version, _ in WHEELS)

    @property
    def root(self) -> Path:
        """Where it is, or will be."""
        return self._folder / f"toolkit-{hashlib.sha256(self.version.encode()).hexdigest()[:16]}"

    def toolkit(self) -> Toolkit:
        """What is here, or is fetched now. What a stopped download has reached is kept, wheel by wheel."""
        if not self.root.is_dir():
            self._fetch()
        return Toolkit(self.root / "bin" / "nvcc", self.root, self.version, self.root / "lib")

    def _fetch(self) -> None:
        waiting = self._folder / f"{UNFINISHED}{self.root.name}"
        wheels, new = waiting / "wheels", waiting / "toolkit"
        wheels.mkdir(parents=True, exist_ok=True)
        done = 0
        for name, version, size in WHEELS:
            self._watcher.fetched(_LABEL, done, WHEEL_BYTES)
            if not any(wheels.glob(f"{name.replace('-', '_')}-{version}-*.whl")):
                self._download(f"{name}=={version}", wheels)
            done += size
        self._watcher.fetched(_LABEL, done, WHEEL_BYTES)
        shutil.rmtree(new, ignore_errors=True)
        for wheel in sorted(wheels.glob("*.whl")):
            _unpack(wheel, new)
        _complete(new)
        self._driver(new)
        new.rename(self.root)
        shutil.rmtree(waiting, ignore_errors=True)

    def _download(self, wanted: str, into: Path) -> None:
        command = [*PIP, "download", "--no-deps", "--only-binary", ":all:", "--dest", str(into), wanted]
        environment = {**os.environ, "TMPDIR": str(into)}  # a small /tmp in memory would not do
        try:
            self._commands.run(command, environment, self._log("toolkit"), _LABEL)
        except BuildError as failed:
            raise SourcesError(failed.label, failed.log) from None

    def _driver(self, root: Path) -> None:
        """A library in the driver's name to link with: this computer may have no driver, and no wheel has one."""
        header = (root / "include" / "cuda.h").read_text(encoding="utf-8", errors="replace")
        names = sorted({*_DECLARED.findall(header), *_RENAMED.findall(header)})
        stubs = root / "lib" / "stubs"
        stubs.mkdir(parents=True)
        source = stubs / "cuda.c"
        source.write_text("".join(f"void {name}(void) {{}}\n" for name in names), encoding="utf-8")
        library = stubs / "libcuda.so"
        compiler = os.environ.get("CC", "cc").split()
        command = [*compiler, "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", str(library), str(source)]
        self._commands.run(command, dict(os.environ), self._log("driver"), _LABEL)


def _unpack(wheel: Path, root: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            name = entry.filename.removeprefix(_TREE)
            if entry.is_dir() or name == entry.filename or ".." in Path(name).parts:
                continue
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, file.open("wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
            if entry.external_attr >> 16 & 0o111:
                file.chmod(0o755)


def _complete(root: Path) -> None:
    """The links that an installed toolkit has and wheels, which know none, have not."""
    for library in sorted((root / "lib").glob("lib*.so.*")):
        link = root / "lib" / f"{library.name.partition('.so.')[0]}.so"
        if not link.exists():
            link.symlink_to(library.name)
    (root / "lib64").symlink_to("lib")
    target = root / "targets" / f"{'sbsa' if platform.machine() == 'aarch64' else 'x86_64'}-linux"
    target.mkdir(parents=True)
    for name in ("lib", "include"):
        (target / name).symlink_to(f"../../{name}")


def _root_of(nvcc: Path) -> Path:
    """What the compiler itself takes as its toolkit, also where it is called through a script or a link."""
    told = _TOP.search(_said(nvcc, "-v", "heft"))  # of no such file it only says how it would compile it
    root = Path(told[1].strip()) if told else nvcc.resolve().parent.parent
    with suppress(OSError):
        root = root.resolve()
    return root


def _said(nvcc: Path, *words: str) -> str:
    try:
        found = subprocess.run([nvcc, *words], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    except OSError:  # CMake will say what is wrong with it
        return ""
    return found.stdout + found.stderr
