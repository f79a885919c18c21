"""The compute buffer: what the results of a graph take that are alive at the same time, while a batch is read.

With everything on one device this is the engine's own allocator replayed on the engine's own graph (``replay``,
``graphs``), and exact for the architectures described there; without flash attention within a tenth.
"""

from __future__ import annotations

from functools import lru_cache

from desktop.core.memory.blocks import Builder
from desktop.core.memory.graphs import build
from desktop.core.memory.settings import Settings, Split
from desktop.core.memory.shape import ModelShape


def compute_bytes(shape: ModelShape, context: int, settings: Settings, split: Split) -> list[int]:
    """Bytes of the compute buffer of each device, by its number."""
    whole = _whole(shape, context, settings.kv_type, settings.flash_attention)
    return [whole for _ in range(split.devices)]


@lru_cache(maxsize=64)
def _whole(shape: ModelShape, context: int, kv_type: str, flash_attention: bool) -> int:
    """The buffer with everything on one device; the same for all variants of a model, whatever their weights."""
    return build(Builder(shape, context, Settings(context, kv_type, flash_attention)))
