"""What is built, and how: CMake's options, the environment of pip's build, and the key that two equal builds share.

llama.cpp's server comes out of the same build as the library that llama-cpp-python wraps, by engine.cmake in
desktop/engine/server/native.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

PROJECT = "llama-cpp-python"
NATIVE_SOURCES = Path(__file__).resolve().parent.parent / "server" / "native"
# The Vulkan loader (Linux; on Windows it comes with a card's driver), and the folder below a backend's own that holds
# one, with a link to the backend, which finds it when it is opened by that link.
LOADER, LOADER_FOLDER = "libvulkan.so.1", "loader"
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
_METAL = " -DGGML_METAL=ON -DGGML_METAL_EMBED_LIBRARY=ON" if sys.platform == "darwin" else ""  # fails without Metal
# llama.cpp docs/build.md: with GGML_BACKEND_DL each backend is a library of its own, found and rated at start. Not with
# a native build (ggml/src/ggml-cpu/CMakeLists.txt refuses it): there the processor's backend is compiled in.
PORTABLE = f"{_ALL}{_GCC}{_METAL} -DGGML_BACKEND_DL=ON -DGGML_CPU_ALL_VARIANTS=ON -DGGML_NATIVE=OFF"
_BYTES_PER_JOB = 1 << 30  # the largest translation units of llama.cpp need just under 1 GiB in g++
_CORE_SECONDS = 765.0  # of a native build of 218 steps, its sources fetched: measured on two busy cores (Zen 4)


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


def jobs() -> int:
    """Compiler processes at once: the cores this process may use, fewer when memory is short."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        available = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not on Windows, not on macOS
        return cores
    return max(1, min(cores, available // _BYTES_PER_JOB))


def expected_seconds() -> float:
    """How long a native build takes here, about."""
    return _CORE_SECONDS / jobs()


def expected_time() -> str:
    """The same in words: "6 minutes"."""
    minutes = max(1, round(expected_seconds() / 60))
    return f"{minutes} minutes" if minutes > 1 else "a minute"


@dataclass(frozen=True)
class Recipe:
    """A version of llama-cpp-python and CMake's options; pip's build is held to ``constraints`` where there are any."""

    version: str
    options: str = NATIVE
    constraints: Path | None = None

    @property
    def native(self) -> bool:
        """Whether the result is for this very processor."""
        return self.options == NATIVE

    @property
    def key(self) -> str:
        """Name of the cache folder: two machines share a build only if this is equal on both."""
        parts = (
            self.version,
            self.options,
            *(file.read_text(encoding="utf-8") for file in sorted(NATIVE_SOURCES.glob("*"))),
            platform.machine(),
            cpu_identity() if self.native else "",
            sysconfig.get_config_var("SOABI") or sys.implementation.cache_tag or "",
            " ".join(platform.libc_ver()),
        )
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

    def environment(self) -> dict[str, str]:
        """Of pip's build; its isolated environment is held to the constraints too, whichever name this pip has."""
        programs = f"-DCMAKE_PROJECT_llama_cpp_INCLUDE={NATIVE_SOURCES / 'engine.cmake'}"
        found = {
            **os.environ,
            "CMAKE_ARGS": f"{_known(self.options)} {shlex.quote(programs)}",
            "CMAKE_BUILD_PARALLEL_LEVEL": str(jobs()),
        }
        if self.constraints is not None:
            held = self.constraints.as_uri()  # pip splits this variable at spaces; a URI has none
            found |= {"PIP_CONSTRAINT": held, "PIP_BUILD_CONSTRAINT": held}
        return found


def _known(options: str) -> str:
    return options if _compiler_knows(_NO_HALF) else options.replace(_NO_HALF, "")


def _compiler_knows(flag: str) -> bool:
    command = [os.environ.get("CC", "cc"), flag, "-E", "-x", "c", os.devnull, "-o", os.devnull]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False  # there is none yet: nothing is compiled
