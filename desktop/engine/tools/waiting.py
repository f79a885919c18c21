"""How long a process had to wait for a core that other programs used: tells a measurement from a disturbed one."""

from __future__ import annotations

import contextlib
from pathlib import Path


def waited_seconds(pid: int | str = "self", root: Path = Path("/proc")) -> float:
    """Seconds the threads of a process were ready to run and did not, since they began; 0 where nobody says.

    The second field of /proc/PID/task/TID/schedstat, nanoseconds (Linux Documentation/scheduler/sched-stats.rst).
    """
    waited = 0
    for path in (root / str(pid) / "task").glob("*/schedstat"):
        with contextlib.suppress(OSError, IndexError, ValueError):  # a thread that has just ended
            waited += int(path.read_bytes().split()[1])
    return waited * 1e-9
