"""Apple graphics processors through ``system_profiler`` and ``sysctl``; their memory is main memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence

import msgspec

from desktop.core.hardware import Gpu
from desktop.machine.report import ProbeReport

PROBE = "system_profiler"
_SECONDS = 20.0  # system_profiler takes about a second, several on a machine that just woke up
_GIB = 1 << 30

Run = Callable[[Sequence[str]], str]


class _Display(msgspec.Struct):
    """One entry of ``SPDisplaysDataType``: a graphics processor and what is connected to it."""

    sppci_model: str = "Apple GPU"
    sppci_cores: str = ""
    spdisplays_vendor: str = ""
    spdisplays_mtlgpufamilysupport: str = ""


class _Displays(msgspec.Struct):
    """What ``system_profiler SPDisplaysDataType -json`` prints."""

    SPDisplaysDataType: list[_Display]


def run_command(command: Sequence[str]) -> str:
    """Standard output; raises OSError or subprocess.SubprocessError."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True)
    return done.stdout


def probe_apple(run: Run = run_command, *, platform: str = sys.platform) -> ProbeReport:
    """The GPUs of a Mac. ``run`` and ``platform`` are given by tests only."""
    if platform != "darwin":
        return ProbeReport(PROBE, (), "not a Mac")
    try:
        answer = run(["/usr/sbin/system_profiler", "SPDisplaysDataType", "-json"])
        displays = msgspec.json.decode(answer, type=_Displays).SPDisplaysDataType
        total = int(run(["/usr/sbin/sysctl", "-n", "hw.memsize"]))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        reason = type(error).__name__
        return ProbeReport(PROBE, (), "failed", (f"macOS did not describe its graphics ({reason}).",))
    limit = _wired_limit(run) or default_limit(total)
    gpus = tuple(_gpu(entry, limit) for entry in displays if "apple" in entry.spdisplays_vendor.lower())
    return ProbeReport(PROBE, gpus, f"{len(gpus)} Apple GPU{'s' if len(gpus) != 1 else ''}")


def _gpu(entry: _Display, limit: int) -> Gpu:
    cores = f" ({entry.sppci_cores}-core GPU)" if entry.sppci_cores else ""
    return Gpu(
        name=f"{entry.sppci_model}{cores}",
        vendor="apple",
        total_bytes=limit,
        probe=PROBE,
        driver=entry.spdisplays_mtlgpufamilysupport.replace("spdisplays_", ""),
        shared_memory=True,
    )


def _wired_limit(run: Run) -> int:
    """The limit the user set with ``sysctl iogpu.wired_limit_mb``; 0 when there is none."""
    try:
        return int(run(["/usr/sbin/sysctl", "-n", "iogpu.wired_limit_mb"])) << 20
    except (OSError, subprocess.SubprocessError, ValueError):
        return 0


def default_limit(total: int) -> int:
    """What Metal recommends to use of main memory, in bytes (recommendedMaxWorkingSetSize), cautiously.

    Seen: 21845 MB of 32 GB (ollama issue 434), about 48 GB of 64 GB (llama.cpp issue 1870). Larger Macs of later
    systems allow more; the engine's own figure, when there is one, replaces this.
    """
    return total * 3 // 4 if total > 32 * _GIB else total * 2 // 3
