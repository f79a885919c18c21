"""What running engines would give back if their models were unloaded."""

from __future__ import annotations

from collections.abc import Iterable

from desktop.engine.api import Loaded
from desktop.services.engine.supervisor import EngineState

MAIN = ""  # main memory among the engine's names of devices


def held_of(state: EngineState) -> tuple[Loaded, ...]:
    """The model that the window's engine holds, if any."""
    return (state.loaded,) if state.loaded is not None and state.pid is not None else ()


def held_by(loaded: Iterable[Loaded]) -> dict[str, int]:
    """Memory of the engines' processes that nothing else can have, in bytes by the engine's name of the device.

    Pages of a mapped file can be evicted at any time, and do not count. A GPU's part is what the engine's log says.
    """
    found: dict[str, int] = {}
    for one in loaded:
        found[MAIN] = found.get(MAIN, 0) + private_bytes(one.pid)
        for device in one.devices[1:]:
            found[device.name] = found.get(device.name, 0) + device.total_bytes
    return found


def private_bytes(pid: int) -> int:
    """What a process has of main memory for itself; 0 for one that has ended."""
    import psutil  # a start does without

    try:
        memory = psutil.Process(pid).memory_info()
    except (psutil.Error, ValueError):
        return 0
    shared: int = getattr(memory, "shared", 0)
    return max(0, int(memory.rss) - shared)
