"""The graphs of RWKV 6 and 7 and of the models that carry their time mixing.

Source: llama.cpp 0c1e57098, ``src/models/rwkv6-base.cpp``, ``src/models/rwkv7-base.cpp`` (build_rwkv6_time_mix,
build_rwkv7_time_mix, ..._channel_mix) and the graphs of ``rwkv6``, ``rwkv7``, ``rwkv6qwen2`` and ``arwkv7``.
"""

from __future__ import annotations

from desktop.core.memory.blocks import Builder
from desktop.core.memory.forward import feed_forward
from desktop.core.memory.mixers import read_state
from desktop.core.memory.replay import Result
from desktop.core.memory.shape import Layer, Recurrent

NAMES = frozenset(("rwkv6", "rwkv7", "rwkv6qwen2", "arwkv7"))
_OWN_CHANNEL_MIX = frozenset(("rwkv6", "rwkv7"))  # the others have the feed-forward part of Qwen 2


def graph(builder: Builder) -> int:
    """Bytes of the buffer of the graph of ``builder.shape``."""
    shape, state = builder.shape, builder.shape.recurrent
    assert state is not None
    own = shape.architecture in _OWN_CHANNEL_MIX
    stream = builder.embedding()
    if own:
        stream = _biased_norm(builder, stream)
    first_value: Result | None = None
    for layer, last in builder.each_layer():
        stream = builder.view(stream)
        history = read_state(builder, state.convolution)
        normed = _biased_norm(builder, stream) if own else builder.norm(stream)
        if shape.architecture in ("rwkv7", "arwkv7"):
            mixed, first_value = _time_mix_7(builder, state, history, normed, first_value)
        else:
            mixed = _time_mix_6(builder, state, history, normed, layer)
        if not own:
            builder.store(builder.part(normed, 1))
        joined = builder.over(builder.view(mixed), stream)
        stream = (
            _channels(builder, layer, history, normed, joined, last) if own else _gated(builder, layer, joined, last)
        )
    return builder.logits(stream)


def _biased_norm(builder: Builder, of: Result) -> Result:
    """A norm with weight and bias; unlike one of root mean squares it is never written over its input."""
    return builder.over(builder.over(builder.loose(builder.shape.embedding, of)))


def _shifted(builder: Builder, history: Result, normed: Result) -> Result:
    """Every token beside the one before it: their difference."""
    width = builder.shape.embedding
    return builder.new(width, builder.part(history, 1), builder.part(normed, width))


def _gated(builder: Builder, layer: Layer, joined: Result, last: bool) -> Result:
    joined, rows = builder.view(joined), 0
    if last:
        joined, rows = builder.last_row(joined), builder.rows
    return builder.over(feed_forward(builder, builder.norm(joined), layer.feed_forward, rows), joined)


def _channels(builder: Builder, layer: Layer, history: Result, normed: Result, joined: Result, last: bool) -> Result:
    width, rows = builder.shape.embedding, 1 if last else 0
    second = _biased_norm(builder, joined)
    kept = builder.new(width, builder.part(normed, width), builder.part(second, width), rows=2)
    builder.store(builder.part(kept, 1))
    before: Result = builder.view(_shifted(builder, history, second))
    second, joined = builder.view(second), builder.view(joined)
    if last:
        before, second, joined = (builder.last_row(one) for one in (before, second, joined))
    difference = builder.over(before, second)
    receptance = None
    if builder.shape.architecture == "rwkv6":
        entering = builder.over(builder.new(width, difference, rows=rows), second)
        receptance = builder.over(builder.new(width, entering, rows=rows))
    entering = builder.over(builder.over(difference), second)
    keys = builder.over(builder.over(builder.new(layer.feed_forward, entering, rows=rows)))
    values = builder.new(width, keys, rows=rows)
    if receptance is not None:
        values = builder.over(receptance, values)
    return builder.over(values, joined)


def _scanned(builder: Builder, state: Recurrent, *sources: Result) -> Result:
    return Result(4 * (builder.shape.embedding * builder.batch + state.state), sources)


def _time_mix_6(builder: Builder, state: Recurrent, history: Result, normed: Result, layer: Layer) -> Result:
    width, mixing, decay = builder.shape.embedding, state.ranks, state.state_size
    qwen = builder.shape.architecture == "rwkv6qwen2"
    memory = read_state(builder, state.state)
    difference = builder.view(builder.over(_shifted(builder, history, normed), normed))
    entering = builder.over(builder.new(width, difference), builder.view(normed))
    low = builder.over(builder.new(5 * mixing, entering))
    low = builder.new(5 * mixing, builder.view(low))
    five = builder.over(builder.over(builder.over(builder.new(5 * width, low)), difference), builder.view(normed))
    narrow = layer.kv_heads * (width // layer.heads) if qwen and layer.kv_heads else width
    key, value = (builder.view(builder.new(narrow, builder.part(five, width))) for _ in range(2))
    if narrow != width:
        key, value = (builder.view(builder.new(width, one)) for one in (key, value))
    receptance = builder.view(builder.new(width, builder.part(five, width)))
    weight = builder.over(builder.new(decay, builder.part(five, width)))
    weight = builder.view(builder.over(builder.over(builder.new(width, weight))))
    if qwen:
        key = builder.over(key, builder.over(builder.new(width, key), weight))
    scanned = _scanned(builder, state, key, value, receptance, weight, memory)
    builder.store(builder.part(scanned, 1))
    out = builder.part(scanned, width)
    if not qwen:
        out = builder.over(builder.over(builder.view(builder.new(width, out))))
    gate = builder.over(builder.new(width, builder.part(five, width)))
    return builder.new(width, builder.over(builder.view(out) if qwen else out, gate))


def _time_mix_7(
    builder: Builder, state: Recurrent, history: Result, normed: Result, first_value: Result | None
) -> tuple[Result, Result]:
    width = builder.shape.embedding
    decay, rate, residual, gating = state.low_ranks or (0, 0, 0, 0)  # a header may say nothing of them
    ways = 6 if gating else 5
    memory = read_state(builder, state.state)
    difference = builder.over(_shifted(builder, history, normed), normed)
    six = builder.over(builder.over(builder.new(ways * width, difference)), normed)
    receptance = builder.view(builder.new(width, builder.part(six, width)))
    weight = builder.over(builder.new(decay, builder.part(six, width)))
    weight = builder.view(builder.over(builder.over(builder.new(width, weight))))
    key = builder.new(width, builder.part(six, width))
    value = builder.new(width, builder.part(six, width))
    if first_value is None:
        first_value = value
    else:
        share = builder.new(width, builder.new(residual, builder.part(six, width)))
        share = builder.over(builder.over(share))
        value = builder.over(value, builder.over(builder.over(first_value, value), share))
    gate = builder.new(width, builder.over(builder.new(gating, builder.part(six, width)))) if gating else None
    activity = builder.view(builder.over(builder.over(builder.new(width, builder.new(rate, builder.part(six, width))))))
    whitened = builder.new(width, builder.view(builder.over(key)))
    removed = builder.over(key)
    key = builder.view(builder.over(key, builder.over(builder.over(activity.viewed or activity, removed), removed)))
    value = builder.view(value)
    scanned = _scanned(
        builder, state, receptance, weight, key, value, builder.over(whitened), builder.over(whitened, activity), memory
    )
    builder.store(builder.part(scanned, 1))
    out = builder.over(builder.over(builder.view(builder.new(width, builder.part(scanned, width)))))
    shares = builder.new(builder.shape.layers[0].heads or 1, builder.over(builder.over(key, receptance)))
    out = builder.over(out, builder.view(builder.over(value, shares)))
    if gate is not None:
        out = builder.over(out, gate)
    return builder.new(width, out), first_value
