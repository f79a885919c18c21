"""The processor: name, cores this process may use, and instruction sets under llama.cpp's names."""

from __future__ import annotations

import math
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from desktop.core.hardware import Cpu
from desktop.machine.cgroup import read_limits
from desktop.machine.tables import CpuFeature, Tables

_SYSCTL_SECONDS = 5.0
_ARCHITECTURES = {"x86_64": "x86", "amd64": "x86", "i686": "x86", "arm64": "arm", "aarch64": "arm"}


@dataclass(frozen=True)
class CpuReport:
    """The processor, the features this system can tell about at all, and sentences worth reading."""

    cpu: Cpu
    known_features: frozenset[str]
    notes: tuple[str, ...]


def family(arch: str) -> str:
    """``x86``, ``arm`` or the machine's own word for anything else."""
    return _ARCHITECTURES.get(arch.lower(), arch.lower())


def read_cpu(tables: Tables, root: Path = Path("/")) -> CpuReport:
    """Ask this system; what it does not tell is left out, never guessed. ``root`` is for tests."""
    import psutil

    arch = platform.machine()
    candidates = [feature for feature in tables.cpu_features if feature.arch == family(arch)]
    name, present, known = _ask_system(candidates, root)
    logical = psutil.cpu_count(logical=True) or os.cpu_count() or 1
    physical = psutil.cpu_count(logical=False) or logical
    usable, notes = usable_cores(logical, _affinity(), read_limits(root).cpus)
    cpu = Cpu(
        name=name or platform.processor() or arch or "unknown processor",
        arch=arch,
        physical_cores=physical,
        logical_cores=logical,
        features=tuple(feature.name for feature in candidates if feature.name in present),
        usable_cores=usable,
    )
    return CpuReport(cpu, frozenset(known), notes)


def usable_cores(logical: int, affinity: int | None, quota: float | None) -> tuple[int, tuple[str, ...]]:
    """Logical cores this process may use, and a sentence for each limit below ``logical``."""
    usable, notes = logical, []
    if affinity is not None and affinity < usable:
        usable = affinity
        notes.append(f"This process may run on {affinity} of {logical} logical cores (CPU affinity).")
    if quota is not None and quota < usable:
        usable = max(1, math.floor(quota))
        notes.append(f"A container limits this process to {quota:g} of {logical} logical cores.")
    return usable, tuple(notes)


def missing_features(cpu: Cpu, known: frozenset[str], engine_features: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """Features the engine was compiled with that this CPU surely lacks, and a plain sentence (or "")."""
    missing = tuple(name for name in engine_features if name in known and name not in cpu.features)
    if not missing:
        return (), ""
    lacking = ", ".join(missing)
    return missing, (
        f"This CPU has no {lacking}, which the installed engine needs: it will stop with an illegal instruction. "
        "Set Heft up again on this computer (packaging/run.sh) to compile the engine for it."
    )


def _affinity() -> int | None:
    """Cores in this process's affinity mask; None on systems without one (macOS)."""
    import psutil

    process = psutil.Process()
    return len(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else None


def _ask_system(candidates: list[CpuFeature], root: Path) -> tuple[str, set[str], set[str]]:
    if sys.platform == "darwin":
        return parse_sysctl(candidates, _sysctl)
    elif sys.platform == "win32":  # noqa: RET505 - mypy follows platforms through elif only
        return _ask_windows(candidates)
    else:
        return parse_cpuinfo(_text(root / "proc" / "cpuinfo"), candidates)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def parse_cpuinfo(text: str, candidates: list[CpuFeature]) -> tuple[str, set[str], set[str]]:
    """Name, features present and features known, from ``/proc/cpuinfo`` of Linux.

    x86 lists ``flags``, ARM ``Features``; cores may differ (big.LITTLE), so a feature has to be in every list.
    ARM systems usually give no model name.
    """
    name = re.search(r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", text, re.MULTILINE)
    lists = [set(m.split()) for m in re.findall(r"^(?:flags|Features)\s*:\s*(.*)$", text, re.MULTILINE)]
    if not lists:
        return (name[1].strip() if name else ""), set(), set()
    flags = set.intersection(*lists)
    known = {feature.name for feature in candidates if feature.linux}
    present = {feature.name for feature in candidates if feature.linux and flags.issuperset(feature.linux)}
    return (name[1].strip() if name else ""), present, known


def parse_sysctl(candidates: list[CpuFeature], sysctl: Callable[[str], str | None]) -> tuple[str, set[str], set[str]]:
    """The same from macOS; ``sysctl`` gives a name's value, None for an unknown name (feature absent)."""
    known = {feature.name for feature in candidates if feature.macos}
    present = {feature.name for feature in candidates if feature.macos and sysctl(feature.macos) == "1"}
    return sysctl("machdep.cpu.brand_string") or "", present, known


def _sysctl(name: str) -> str | None:
    try:
        done = subprocess.run(
            ["/usr/sbin/sysctl", "-n", name], capture_output=True, text=True, timeout=_SYSCTL_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


if sys.platform == "win32":

    def _ask_windows(candidates: list[CpuFeature]) -> tuple[str, set[str], set[str]]:
        """IsProcessorFeaturePresent (Windows SDK, winnt.h) and the processor's name from the registry."""
        import ctypes
        import winreg

        asked = {feature.name: feature.windows for feature in candidates if feature.windows is not None}
        is_present = ctypes.windll.kernel32.IsProcessorFeaturePresent
        present = {name for name, number in asked.items() if is_present(number)}
        key_path = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key_path) as key:
                processor = str(winreg.QueryValueEx(key, "ProcessorNameString")[0]).strip()
        except OSError:
            processor = ""
        return processor, present, set(asked)
