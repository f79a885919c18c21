"""The compute buffer: what the results of a graph take that are alive at the same time, while a batch is read.

With everything on one device this is the engine's own allocator replayed on the engine's own graph (``replay``,
``graphs``), and exact for the architectures described there; without flash attention within a tenth.
"""

from __future__ import annotations

from functools import lru_cache

from desktop.core.memory.blocks import Builder
from desktop.core.memory.cache import batch_of
from desktop.core.memory.graphs import build
from desktop.core.memory.shape import ModelShape
from desktop.core.memory.split import RAM, Split


def compute_bytes(
    shape: ModelShape, context: int, kv_types: tuple[str, str], flash_attention: bool, split: Split
) -> list[int]:
    """Bytes of the compute buffer of each device, by its number.

    On several devices each is given the whole graph's, which is at most a few activations too much; main memory
    without layers prepares the inputs only.
    """
    whole, inputs = _graph(shape, context, kv_types, flash_attention)
    found = [whole] * split.devices
    if RAM not in split.layers[: shape.layer_count]:
        found[RAM] = inputs
    return found


@lru_cache(maxsize=256)
def _graph(shape: ModelShape, context: int, kv_types: tuple[str, str], flash_attention: bool) -> tuple[int, int]:
    """The whole graph's buffer, and that of what is computed before the first layer; the same for all variants."""
    builder = Builder(shape, context, kv_types, flash_attention)
    whole = build(builder)
    rows = 2 * 4 * shape.embedding  # of the embedding, and the input for ready-made ones
    numbers = 4 + 4 + 8 + 8  # token, position, and where its key and value go
    return whole, (rows + numbers) * batch_of(context) + builder.mask_bytes
