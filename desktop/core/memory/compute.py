"""The compute buffer: what the largest set of intermediate results alive at once takes while a batch is read."""

from __future__ import annotations

from desktop.core.memory.cache import batch_of, padded
from desktop.core.memory.settings import Settings, Split
from desktop.core.memory.shape import ModelShape
from desktop.core.memory.weights import Weights


def compute_bytes(
    shape: ModelShape,
    weights: Weights,
    context: int,
    settings: Settings,
    split: Split,
) -> list[int]:
    """Bytes of the compute buffer of each device, by its number."""
    batch = batch_of(context)
    mask = 2 * batch * padded(context)
    width = max((max(layer.feed_forward, layer.expert_feed_forward) for layer in shape.layers), default=0)
    size = mask + 4 * batch * (2 * shape.embedding + 2 * width)
    return [size for _ in range(split.devices)]
