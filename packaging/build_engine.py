"""Build llama-cpp-python for this very CPU, once, and keep the wheel: prints the wheel's path on stdout.

    python3 packaging/build_engine.py               find the wheel in the cache, or build it there
    python3 packaging/build_engine.py --portable    the same for every CPU of this architecture, for installers
    python3 packaging/build_engine.py --cached      only look; exit code 3 when it is not there
    python3 packaging/build_engine.py --sdist       fetch the source archive only, print its path

Published wheels are compiled for the lowest common CPU; a native build uses AVX2, AVX-512 or AMX where there
is any. A portable one carries a backend for each generation of CPUs and chooses at start. The sources come
through pip, so whatever index the user has configured is the one that is asked. Uses the standard library
only: it runs before anything is installed. Progress goes to stderr, every line of the compiler to a log file
beside the wheels.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = "llama-cpp-python"
NATIVE_SOURCES = ROOT / "desktop" / "engine" / "server" / "native"
# RPC gives the memory planner a second real device to place layers on. The server comes without its web page (which
# would be fetched from the network) and without TLS: it speaks to this computer only.
# GCC's amxtileintrin.h (seen in 12.2) says that AMX's configuration is 8 of its 64 bytes, so -fdse takes the rest away
# and the first tile instruction is an illegal one.
_NO_DSE = "-fno-dse"
# With these instructions llama.cpp (ggml-cpu/simd-mappings.h) sums halves up in half precision: fused attention over
# an f16 cache took 2.5 times as long as without on Sapphire Rapids, 3.5 times for a few tokens at once, and is less
# exact. A compiler that does not know the flag does not use them either.
_NO_HALF = "-mno-avx512fp16"
_SERVER = "-DLLAMA_BUILD_TOOLS=ON -DLLAMA_BUILD_SERVER=ON -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_OPENSSL=OFF"
# Everything into the one folder where llama-cpp-python looks; by default each library is in the wheel twice.
_PLACES = "-DCMAKE_INSTALL_BINDIR=llama_cpp/lib -DCMAKE_INSTALL_LIBDIR=llama_cpp/lib"
_ALL = f"-DGGML_RPC=ON -DLLAVA_BUILD=OFF {_SERVER} {_PLACES}"
_GCC = f" -DCMAKE_CXX_FLAGS={_NO_DSE}" if sys.platform == "linux" else ""
# llama.cpp docs/build.md: with GGML_BACKEND_DL each backend is a library of its own, found and rated at start.
PORTABLE = f"{_ALL}{_GCC} -DGGML_BACKEND_DL=ON -DGGML_CPU_ALL_VARIANTS=ON -DGGML_NATIVE=OFF"
BYTES_PER_JOB = 1 << 30  # the largest translation units of llama.cpp need just under 1 GiB in g++
NINJA = re.compile(r"^\s*\[(\d+)/(\d+)\]")
MAKE = re.compile(r"^\s*\[\s*(\d+)%\]")
LOG_TAIL_LINES = 40


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


def cpu_identity() -> str:
    """What a native build depends on: the model, for tuning, and the instruction sets."""
    x86 = ("vendor_id", "cpu family", "model\t", "model name", "flags")
    arm = ("CPU implementer", "CPU part", "Features")
    try:
        first, _, _ = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").partition("\n\n")
    except OSError:
        return platform.processor()
    return "\n".join(line for line in first.splitlines() if line.startswith(x86 + arm))


def native_options() -> str:
    """CMake's options for this computer. They name the wheel, so they do not hang on which compiler is installed."""
    if sys.platform == "linux" and "avx512_fp16" in cpu_identity():
        return f"{_ALL} '-DCMAKE_CXX_FLAGS={_NO_DSE} {_NO_HALF}' -DCMAKE_C_FLAGS={_NO_HALF}"
    return f"{_ALL}{_GCC}"


NATIVE = native_options()


def wheel_key(version: str, options: str) -> str:
    """Name of the cache folder: two machines share a wheel only if this is equal on both."""
    parts = (
        version,
        options,
        *(file.read_text(encoding="utf-8") for file in sorted(NATIVE_SOURCES.iterdir())),
        platform.machine(),
        cpu_identity() if options == NATIVE else "",
        sysconfig.get_config_var("SOABI") or sys.implementation.cache_tag or "",
        " ".join(platform.libc_ver()),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def jobs() -> int:
    """Compiler processes at once: the cores this process may use, fewer when memory is short."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        available = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not on Windows, not on macOS
        return cores
    return max(1, min(cores, available // BYTES_PER_JOB))


def cached_wheel(version: str, options: str) -> Path | None:
    """The finished wheel for this machine, if there is one."""
    return next((cache_folder() / "wheels" / wheel_key(version, options)).glob("*.whl"), None)


class Progress:
    """One rewritten line on a terminal; elsewhere a plain line at every tenth of the way."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._terminal = sys.stderr.isatty()
        self._started = time.monotonic()
        self._tenth = -1

    def show(self, done: int, total: int) -> None:
        """Report ``done`` of ``total`` compilation steps."""
        seconds = time.monotonic() - self._started
        left = f", about {seconds / done * (total - done):.0f} s left" if done >= 10 else ""
        if self._terminal:
            width = 30
            filled = width * done // total
            bar = "#" * filled + "." * (width - filled)
            sys.stderr.write(f"\r\033[K{self._label} [{bar}] {done}/{total}, {seconds:.0f} s{left}")
        elif done * 10 // total > self._tenth:
            self._tenth = done * 10 // total
            sys.stderr.write(f"{self._label}: {done} of {total}, {seconds:.0f} s{left}\n")
        sys.stderr.flush()

    def close(self) -> None:
        """Leave the finished line standing."""
        if self._terminal:
            sys.stderr.write("\n")


def run_logged(command: list[str], environment: dict[str, str], log: Path, label: str) -> None:
    """Run ``command`` with all of its output in ``log``; exit with the log's tail when it fails."""
    progress = Progress(label)
    with log.open("w", encoding="utf-8") as sink:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            for line in process.stdout:
                sink.write(line)
                if step := NINJA.match(line):
                    progress.show(int(step[1]), int(step[2]))
                elif step := MAKE.match(line):
                    progress.show(int(step[1]), 100)
        except BaseException:
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGTERM)  # pip, ninja and the compilers alike
            else:
                process.terminate()
            process.wait()
            raise
    progress.close()
    if process.wait() != 0:
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:]
        raise SystemExit("\n".join([*tail, "", f"{label} failed. The whole log: {log}"]))


def fetch_sdist(version: str) -> Path:
    """The source archive, from the cache or through pip."""
    folder = cache_folder() / "sdist"
    archive = folder / f"llama_cpp_python-{version}.tar.gz"
    if archive.exists():
        return archive
    folder.mkdir(parents=True, exist_ok=True)
    sys.stderr.write(f"Fetching the sources of {PROJECT} {version} (about 75 MB)\n")
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", PROJECT]
        command += ["--dest", temporary, f"{PROJECT}=={version}"]
        run_logged(command, build_environment(NATIVE), folder / "download.log", "Fetching the engine's sources")
        next(Path(temporary).glob("*.tar.gz")).replace(archive)
    return archive


def build_environment(options: str) -> dict[str, str]:
    """pip's isolated build environment is held to constraints.txt too, whichever name this pip has for it."""
    constraints = (ROOT / "constraints.txt").as_uri()  # pip splits this variable at spaces; a URI has none
    programs = f"-DCMAKE_PROJECT_llama_cpp_INCLUDE={NATIVE_SOURCES / 'engine.cmake'}"
    return {
        **os.environ,
        "CMAKE_ARGS": f"{_known(options)} {shlex.quote(programs)}",
        "CMAKE_BUILD_PARALLEL_LEVEL": str(jobs()),
        "PIP_CONSTRAINT": constraints,
        "PIP_BUILD_CONSTRAINT": constraints,
    }


def _known(options: str) -> str:
    return options if _compiler_knows(_NO_HALF) else options.replace(_NO_HALF, "")


def _compiler_knows(flag: str) -> bool:
    command = [os.environ.get("CC", "cc"), flag, "-E", "-x", "c", os.devnull, "-o", os.devnull]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False  # there is none yet: nothing is compiled


def build_wheel(version: str, options: str) -> Path:
    """Compile, then move the finished wheel into the cache in one step."""
    sdist = fetch_sdist(version)
    wheels = cache_folder() / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    target = wheels / wheel_key(version, options)
    whom = "this computer" if options == NATIVE else "every computer of its kind"
    sys.stderr.write(f"Compiling llama.cpp for {whom}, {jobs()} at a time. This happens once.\n")
    with tempfile.TemporaryDirectory(dir=wheels, prefix="building-") as temporary:
        command = [sys.executable, "-m", "pip", "wheel", "-v", "--no-deps", "--no-cache-dir"]
        command += ["--wheel-dir", f"{temporary}/wheel", str(sdist)]
        log = wheels / ("build.log" if options == NATIVE else "build-portable.log")
        run_logged(command, build_environment(options), log, "Compiling the engine")
        shutil.rmtree(target, ignore_errors=True)
        Path(temporary, "wheel").rename(target)
    return next(target.glob("*.whl"))


def main() -> int:
    """Print the path of the wheel (or of the sources); 3 when ``--cached`` finds none."""
    parser = argparse.ArgumentParser(description="Build the engine for this computer.")
    parser.add_argument("--portable", action="store_true", help="for every CPU of this architecture")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--cached", action="store_true", help="only look; exit code 3 when it is not there")
    choice.add_argument("--sdist", action="store_true", help="fetch the sources only and print their path")
    args = parser.parse_args()
    version = pinned_version()
    if args.sdist:
        print(fetch_sdist(version))
        return 0
    options = PORTABLE if args.portable else NATIVE
    wheel = cached_wheel(version, options)
    if wheel is None and args.cached:
        return 3
    print(wheel or build_wheel(version, options))
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
