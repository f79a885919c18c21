"""The graphs of T5: a decoder that also reads what the encoder made of the whole text, and the encoder alone.

Source: llama.cpp 0c1e57098, ``src/models/t5.cpp`` and ``src/models/t5encoder.cpp``. Attention has a bias by distance,
so flash attention is not used but for reading the encoder's rows. The engine asks for the rows of a whole batch
(llama_model_has_encoder), and counts with an encoder's text as long as the model was trained for.
"""

from __future__ import annotations

from desktop.core.memory.blocks import Builder
from desktop.core.memory.forward import feed_forward
from desktop.core.memory.replay import Result
from desktop.core.memory.shape import Layer


def decoder(builder: Builder) -> int:
    """Bytes of the decoder's buffer: the engine plans with it."""
    shape = builder.shape
    first, stream = shape.layers[0], builder.embedding()
    cache = builder.cache_of(first)
    text = builder.graph.leaf(4 * shape.embedding * shape.trained_context)
    text_mask = builder.graph.leaf((2 if builder.flash else 4) * shape.trained_context * builder.batch)
    buckets = builder.leaf(cache.cells)
    for layer, _ in builder.each_layer():
        query, key, value = builder.query_key_value(layer, builder.norm(stream), rotates=False)
        bias = _bias(builder, layer, buckets, cache.cells)
        for part in (query, value, key):
            builder.graph.expand(part)
        builder.store(builder.view(key), cache.key_positions)
        builder.store(builder.view(value), cache.value_positions)
        scores = builder.new(layer.heads * cache.cells, builder.part(query, layer.heads * layer.key_length))
        values = [Result(2 * layer.kv_heads * layer.value_length * cache.cells, (builder.leaf(0),))]
        mixed = _mixed(builder, layer, builder.over(scores, bias), cache.mask, values if builder.flash else [])
        attended = builder.over(mixed, stream)
        crossed = _crossed(builder, layer, builder.norm(attended), text, text_mask)
        joined = builder.over(crossed, attended)
        stream = builder.over(feed_forward(builder, builder.norm(joined), layer.feed_forward), joined)
    normed = builder.norm(stream)
    normed.is_output = True
    return builder.vectors(builder.new(shape.vocabulary, normed))


def encoder(builder: Builder) -> int:
    """Bytes of the buffer of an encoder alone."""
    stream = builder.embedding()
    mask = builder.graph.leaf((2 if builder.flash else 4) * builder.batch * builder.batch)
    buckets = builder.leaf(builder.batch)
    for layer, _ in builder.each_layer():
        query, key, value = builder.query_key_value(layer, builder.norm(stream), rotates=False)
        bias = _bias(builder, layer, buckets, builder.batch)
        for part in (query, key, value):
            builder.graph.expand(part)
        scores = builder.new(layer.heads * builder.batch, builder.view(key), builder.view(query))
        turned = [Result(value.size, (builder.view(value),))]
        joined = builder.over(_mixed(builder, layer, builder.over(scores, bias), mask, turned), stream)
        stream = builder.over(feed_forward(builder, builder.norm(joined), layer.feed_forward), joined)
    return builder.vectors(builder.norm(stream))


def _bias(builder: Builder, layer: Layer, buckets: Result, cells: int) -> Result:
    """A number for each head and distance, looked up and turned (build_pos_bias)."""
    rows = builder.new(layer.heads * cells, builder.view(buckets))
    return builder.new(layer.heads * cells, builder.view(rows))


def _mixed(builder: Builder, layer: Layer, scores: Result, mask: Result, turned: list[Result]) -> Result:
    """Values by their scores, and the output matrix; ``turned`` are values that had to be transposed."""
    width = layer.heads * layer.value_length
    mixed = builder.new(width, *turned, builder.over(scores, mask))
    mixed = builder.graph.expand(builder.new(width, builder.part(mixed, width)))
    return builder.new(builder.shape.embedding, mixed)


def _crossed(builder: Builder, layer: Layer, of: Result, text: Result, mask: Result) -> Result:
    """Attention to the encoder's rows, whose keys and values are computed each time."""
    rows = builder.shape.trained_context
    query = builder.view(builder.new(layer.heads * layer.key_length, of))
    key = builder.view(builder.new(layer.kv_heads * layer.key_length, text, rows=rows))
    value = builder.view(builder.new(layer.kv_heads * layer.value_length, text, rows=rows))
    for part in (query, key, value):
        builder.graph.expand(part)
    if not builder.flash:
        scores = builder.new(layer.heads * rows, builder.view(key), builder.view(query))
        return _mixed(builder, layer, scores, mask, [Result(value.size, (builder.view(value),))])
    halved = (Result(part.size // 2, (builder.view(part),)) for part in (key, value))
    mixed = builder.new(
        layer.heads * layer.value_length, builder.part(query, layer.heads * layer.key_length), *halved, mask
    )
    return builder.new(builder.shape.embedding, builder.graph.expand(builder.view(mixed)))
