"""The graph of MiniMax-01: linear attention by blocks of a batch, and residuals taken behind the norms.

Source: llama.cpp 0c1e57098, ``src/models/minimax-01.cpp`` (graph).
"""

from __future__ import annotations

from desktop.core.memory.blocks import Builder
from desktop.core.memory.forward import experts, feed_forward
from desktop.core.memory.mixers import read_state
from desktop.core.memory.replay import Result
from desktop.core.memory.shape import Layer, Recurrent


def graph(builder: Builder) -> int:
    """Bytes of the buffer of the graph of ``builder.shape``."""
    stream = builder.embedding()
    heads = builder.shape.layers[0].heads
    decays = builder.graph.leaf(4 * heads * builder.batch * builder.batch)  # of each token for each, shared by all
    for layer, last in builder.each_layer():
        state = builder.shape.recurrent if layer.recurrent else None
        memory = read_state(builder, state.state) if state is not None else None
        normed = builder.norm(stream)
        if state is not None and memory is not None:
            mixed = _linear(builder, layer, state, memory, decays, normed)
        else:
            mixed = builder.attention(layer, normed)
        rows = 0
        if last:
            mixed, normed, rows = builder.last_row(mixed), builder.last_row(normed), builder.rows
        joined = builder.norm(builder.over(mixed, builder.over(normed)))
        if layer.experts:
            forward = experts(builder, layer, joined, rows)
        else:
            forward = feed_forward(builder, joined, layer.feed_forward, rows)
        stream = builder.over(forward, builder.over(joined))
    return builder.logits(stream)


def _linear(builder: Builder, layer: Layer, state: Recurrent, memory: Result, decays: Result, normed: Result) -> Result:
    width = layer.heads * layer.key_length
    three = builder.over(builder.new(3 * width, builder.view(normed)))
    scaled = builder.new(width, builder.part(three, width))
    carried = builder.new(width, builder.view(memory), builder.view(scaled))
    turned = builder.new(width, builder.part(three, width))
    scores = Result(decays.size, (builder.part(three, width), builder.part(three, width)), device=builder.device)
    decayed = builder.over(Result(decays.size, (decays,), device=builder.device))
    within = builder.new(width, turned, builder.over(scores, decayed))
    mixed = builder.graph.expand(builder.over(carried, within))
    keys = builder.new(width, builder.view(builder.new(width, builder.part(three, width))))
    entering = builder.new(state.state, keys, turned, rows=1)
    builder.store(builder.over(builder.new(state.state, builder.view(memory), rows=1), entering))
    gate = builder.over(builder.new(width, builder.view(normed)))
    out = builder.norm(builder.view(builder.new(width, builder.view(mixed))))
    return builder.new(builder.shape.embedding, builder.over(gate, out))
