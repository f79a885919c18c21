"""The graph of BERT and of what is built like it: norms stand behind attention and behind the feed-forward part.

Source: llama.cpp 0c1e57098, ``src/models/bert.cpp`` (graph). It ends with a vector per token; there are no logits.
"""

from __future__ import annotations

from desktop.core.memory.blocks import Builder
from desktop.core.memory.forward import experts, feed_forward

NORMED_BEHIND = frozenset(("bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "jina-bert-v3"))
_ROTATED = frozenset(("nomic-bert", "nomic-bert-moe", "jina-bert-v3"))


def encoder(builder: Builder) -> int:
    """Bytes of the buffer of the graph of ``builder.shape``."""
    shape = builder.shape
    stream = builder.over(builder.embedding())
    if shape.architecture == "bert":
        stream = builder.over(builder.new(shape.embedding, builder.positions), stream)
    stream = builder.norm(stream)
    for layer, last in builder.each_layer():
        mixed = builder.attention(layer, stream, rotates=shape.architecture in _ROTATED)
        rows = 0
        if last:
            mixed, stream, rows = builder.last_row(mixed), builder.last_row(stream), builder.rows
        joined = builder.norm(builder.over(mixed, stream))
        if layer.experts:
            forward = experts(builder, layer, joined, rows, normed=False, gated=False)
        else:
            forward = feed_forward(builder, joined, layer.feed_forward, rows)
        stream = builder.norm(builder.over(forward, joined))
    return builder.vectors(stream)
