"""The graph of HRM-Text: the same stacks of layers again and again, on what another stack gave and on their own result.

Source: llama.cpp 0c1e57098, ``src/models/hrm-text.cpp`` (graph, build_stack); norms have no weights. Of the passes, a
layer each is built: their results are of one size.
"""

from __future__ import annotations

from desktop.core.memory.blocks import Builder
from desktop.core.memory.forward import feed_forward
from desktop.core.memory.replay import Result
from desktop.core.memory.shape import Layer


def graph(builder: Builder) -> int:
    """Bytes of the buffer of the graph of ``builder.shape``."""
    high = builder.embedding()
    low: Result | None = None
    for layer, last in builder.each_layer():
        entering = builder.over(high) if low is None else builder.over(high, low)
        given = builder.over(_layer(builder, layer, entering))
        high, low = (given, low) if last else (high, given)
    return builder.logits(builder.last_row(high))


def _layer(builder: Builder, layer: Layer, stream: Result) -> Result:
    attended = builder.over(builder.attention(layer, builder.over(stream)), stream)
    return builder.over(feed_forward(builder, builder.over(attended), layer.feed_forward), attended)
