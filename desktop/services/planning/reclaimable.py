"""What the running engine would give back if its model were unloaded."""

from __future__ import annotations

from desktop.core.pools import Reclaimable
from desktop.services.engine.supervisor import EngineState


def reclaimable_from(state: EngineState) -> Reclaimable:
    """Memory of the engine's process that nothing else can have: pages of a mapped file can be evicted at any time.

    A GPU's part is the share of the layers there. Nothing where no model is loaded.
    """
    if state.pid is None or state.loaded is None:
        return Reclaimable()
    import psutil  # a start does without

    try:
        memory = psutil.Process(state.pid).memory_info()
    except psutil.Error:  # it has just ended
        return Reclaimable()
    loaded = state.loaded
    share = min(1.0, loaded.gpu_layers / loaded.layers) if loaded.layers > 0 else 0.0
    told = loaded.memory
    on_gpu = int(share * (told.weights_bytes + told.kv_bytes + told.compute_bytes))
    return Reclaimable(max(0, memory.rss - getattr(memory, "shared", 0)), on_gpu)
