"""Limits a Linux control group (a container, a systemd slice) puts on this process.

Sources: Linux Documentation/admin-guide/cgroup-v2.rst (cpu.max, memory.max, memory.stat) and cgroup-v1/
(cpu.cfs_quota_us, memory.limit_in_bytes). A limit holds for all groups below it, so the smallest on the way up counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

# What the kernel takes back when memory is wanted, as in MemAvailable of /proc/meminfo: the page cache, recently used
# or not, and the reclaimable part of the kernel's own. What lies in tmpfs is in neither.
_RECLAIMABLE = ("inactive_file", "active_file", "slab_reclaimable")
_UNLIMITED = 1 << 60  # cgroup v1 writes "no limit" as a huge number instead of a word


@dataclass(frozen=True)
class Limits:
    """CPUs as a fraction of whole ones, memory in bytes; None means no limit.

    ``memory_available`` is what the limit leaves, with reclaimable page cache counted as free.
    """

    cpus: float | None = None
    memory: int | None = None
    memory_available: int | None = None


def read_limits(root: Path = Path("/")) -> Limits:
    """The limits on this process; all None where there are no control groups. ``root`` is for tests."""
    cpus: list[float] = []
    memory: list[tuple[int, int]] = []
    for folder in _folders(root):
        if (quota := _quota(folder)) is not None:
            cpus.append(quota)
        if (limit := _memory_limit(folder)) is not None:
            memory.append((limit, max(0, limit - _memory_used(folder))))
    return Limits(
        cpus=min(cpus) if cpus else None,
        memory=min(limit for limit, _ in memory) if memory else None,
        memory_available=min(left for _, left in memory) if memory else None,
    )


def _folders(root: Path) -> Iterator[Path]:
    """This process's groups and their ancestors, of the unified hierarchy and of v1's cpu and memory."""
    top = root / "sys" / "fs" / "cgroup"
    try:
        lines = (root / "proc" / "self" / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        names = set(controllers.split(",")) if controllers else set()
        if not names:
            base = top
        elif names & {"cpu", "memory"}:
            base = top / controllers
        else:
            continue
        relative = PurePosixPath(path.lstrip("/"))
        # Inside a container the path may name a folder of the host: the mount itself is then this group.
        for part in (relative, *relative.parents):
            if (base / part).is_dir():
                yield base / part


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _quota(folder: Path) -> float | None:
    try:
        quota, period = (folder / "cpu.max").read_text(encoding="utf-8").split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        pass
    v1_quota, v1_period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    return v1_quota / v1_period if v1_quota and v1_period and v1_quota > 0 else None


def _memory_limit(folder: Path) -> int | None:
    for name in ("memory.max", "memory.limit_in_bytes"):
        limit = _number(folder / name)
        if limit is not None and limit < _UNLIMITED:
            return limit
    return None


def _memory_used(folder: Path) -> int:
    used = _number(folder / "memory.current")
    if used is None:
        used = _number(folder / "memory.usage_in_bytes") or 0
    try:
        lines = (folder / "memory.stat").read_text(encoding="utf-8").splitlines()
    except OSError:
        return used
    statistics = dict(line.split(" ", 1) for line in lines if " " in line)
    # version 1 writes the group's own under the plain name, with the groups below it under "total_"
    reclaimable = sum(int(statistics.get(f"total_{name}") or statistics.get(name, "0")) for name in _RECLAIMABLE)
    return max(0, used - reclaimable)
