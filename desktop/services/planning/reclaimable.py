"""What the running engine would give back if its model were unloaded."""

from __future__ import annotations

from desktop.core.pools import Reclaimable
from desktop.services.engine.supervisor import EngineState


def reclaimable_from(state: EngineState) -> Reclaimable:
    """Memory of the engine's process that nothing else can have: pages of a mapped file can be evicted at any time.

    A GPU's part is what the engine's log says of it. Nothing where no model is loaded.
    """
    if state.pid is None or state.loaded is None:
        return Reclaimable()
    import psutil  # a start does without

    try:
        memory = psutil.Process(state.pid).memory_info()
    except psutil.Error:  # it has just ended
        return Reclaimable()
    on_gpu = sum(held_on_devices(state).values())
    return Reclaimable(max(0, memory.rss - getattr(memory, "shared", 0)), on_gpu)


def held_on_devices(state: EngineState) -> dict[str, int]:
    """What the loaded model holds on each device beside main memory, by the engine's name of it; bytes."""
    return {device.name: device.total_bytes for device in state.loaded.devices[1:]} if state.loaded is not None else {}
