"""The graph of Granite Switch: adapters that a router chooses for each token, beside every matrix of a layer.

Source: llama.cpp 0c1e57098, ``src/models/granite-switch.cpp`` (graph, build_switched_lora_delta). The router is one
head of attention behind the layers that is computed before them.
"""

from __future__ import annotations

from desktop.core.memory.blocks import Builder
from desktop.core.memory.replay import Result
from desktop.core.memory.shape import Layer


def graph(builder: Builder) -> int:
    """Bytes of the buffer of the graph of ``builder.shape``."""
    stream = builder.embedding(tokens_only=True)
    chosen = _chosen(builder)
    for layer, last in builder.each_layer(behind=1):
        mixed = _attention(builder, layer, builder.norm(stream), chosen)
        rows = 0
        if last:
            mixed, stream, rows = builder.last_row(mixed), builder.last_row(stream), builder.rows
            chosen = builder.view(builder.new(1, builder.view(chosen), builder.outputs, rows=1))
        joined = builder.over(builder.over(mixed), stream)
        normed, width = builder.norm(joined), layer.feed_forward
        gate = builder.over(_adapted(builder, width, normed, chosen, rows))
        active = builder.over(gate, _adapted(builder, width, normed, chosen, rows))
        forward = _adapted(builder, builder.shape.embedding, active, chosen, rows)
        stream = builder.over(builder.over(forward), joined)
    return builder.logits(stream)


def _chosen(builder: Builder) -> Result:
    """Which adapter each token has: what the router reads of tokens that switch."""
    router, builder.device = builder.shape.layers[-1], builder.last_device
    query, key, value = (builder.new(router.key_length, builder.view(builder.leaf(1))) for _ in range(3))
    found = builder.attend(router, query, key, value)
    builder.device = builder.first_device
    number = builder.over(builder.over(builder.view(builder.new(1, builder.view(found)))))
    return builder.new(1, number)


def _attention(builder: Builder, layer: Layer, of: Result, chosen: Result) -> Result:
    keys, values = layer.kv_heads * layer.key_length, layer.kv_heads * layer.value_length
    widths = (layer.heads * layer.key_length, keys, values)
    whole = builder.new(sum(widths), of)
    query, key, value = (
        builder.view(builder.over(builder.new(width, builder.part(whole, width)), _delta(builder, width, of, chosen)))
        for width in widths
    )
    mixed = builder.attend(layer, builder.over(query, builder.positions), builder.over(key, builder.positions), value)
    return _adapted(builder, builder.shape.embedding, mixed, chosen)


def _adapted(builder: Builder, width: int, of: Result, chosen: Result, rows: int = 0) -> Result:
    """A matrix and what the chosen adapter adds."""
    return builder.over(builder.new(width, of, rows=rows), _delta(builder, width, of, chosen, rows))


def _delta(builder: Builder, width: int, of: Result, chosen: Result, rows: int = 0) -> Result:
    numbers = builder.view(chosen)
    low = builder.new(builder.shape.adapter_rank, builder.view(of), numbers, rows=rows)
    return builder.view(builder.new(width, low, numbers, rows=rows))
