"""Main memory as this process may use it."""

from __future__ import annotations

from pathlib import Path

from desktop.core.hardware import Memory
from desktop.machine.cgroup import read_limits


def read_memory(root: Path = Path("/")) -> Memory:
    """Total and available memory now; a container's limit counts. Takes well under a millisecond."""
    import psutil

    now = psutil.virtual_memory()
    limits = read_limits(root)
    if limits.memory is None or limits.memory_available is None or limits.memory >= now.total:
        return Memory(total_bytes=now.total, available_bytes=now.available)
    return Memory(
        total_bytes=limits.memory,
        available_bytes=min(now.available, limits.memory_available),
        limited_by="control group",
    )
