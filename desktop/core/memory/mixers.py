"""What stands in place of attention in recurrent layers, as llama.cpp builds it for one sequence.

Source: llama.cpp 0c1e57098, ``src/models/mamba-base.cpp``, ``src/models/delta-net-base.cpp``,
``src/models/qwen35.cpp``, ``src/models/lfm2.cpp``; ``src/llama-graph.cpp`` (build_rs).
"""

from __future__ import annotations

from desktop.core.memory.blocks import Builder
from desktop.core.memory.replay import Result
from desktop.core.memory.shape import Recurrent


def read_state(builder: Builder, elements: int) -> Result:
    """A layer's state, read from its cache."""
    return builder.graph.expand(builder.new(elements, builder.state_ids, rows=1))


def _convolved(builder: Builder, state: Recurrent, history: Result, stream: Result, channels: int) -> Result:
    """The stream behind its history, the new history stored, and the convolution of both."""
    joined = Result(4 * channels * (state.kernel - 1 + builder.batch), (builder.view(history), stream))
    builder.store(Result(4 * channels * (state.kernel - 1), (joined,), viewed=joined))
    return builder.new(channels, joined)


def mamba(builder: Builder, state: Recurrent, of: Result, *, normed: bool) -> Result:
    """A Mamba layer; ``normed``: its three selections are normed (Jamba)."""
    inner, size, ranks = state.inner, state.state_size, state.ranks
    history = read_state(builder, state.convolution)
    both = builder.new(2 * inner, builder.view(of))
    convolved = _convolved(builder, state, history, builder.part(both, inner), inner)
    convolved = builder.over(builder.over(convolved))
    selections = builder.new(ranks + 2 * size, convolved)
    if normed:
        step, enter, leave = (builder.norm(builder.part(selections, width)) for width in (ranks, size, size))
    else:
        step = builder.new(ranks, builder.part(selections, ranks))
        enter, leave = builder.part(selections, size), builder.part(selections, size)
    step = builder.over(builder.new(inner, step))
    scanned = Result(
        4 * inner * (builder.batch + size), (builder.view(convolved), step, enter, leave, builder.state_ids)
    )
    builder.graph.expand(scanned)
    builder.store(builder.part(scanned, size))
    out = builder.over(builder.part(scanned, inner), builder.weighed(convolved))
    gated = builder.loose(inner, builder.loose(inner, builder.part(both, inner, apart=True)), out)
    return builder.view(builder.new(builder.shape.embedding, gated))


def mamba2(builder: Builder, state: Recurrent, of: Result) -> Result:
    """A Mamba-2 layer, with its norm."""
    inner, size, heads = state.inner, state.state_size, state.ranks
    channels = inner + 2 * state.groups * size
    history = read_state(builder, state.convolution)
    everything = builder.view(builder.new(inner + channels + heads, of))
    convolved = _convolved(builder, state, history, builder.part(everything, channels), channels)
    convolved = builder.over(builder.over(convolved))
    stream, enter, leave = (builder.part(convolved, w) for w in (inner, state.groups * size, state.groups * size))
    step = builder.over(builder.loose(heads, builder.part(everything, heads)))
    scanned = Result(4 * inner * (builder.batch + size), (stream, step, enter, leave, builder.state_ids))
    builder.graph.expand(scanned)
    builder.store(builder.part(scanned, size))
    out = builder.over(builder.part(scanned, inner), builder.new(inner, stream))
    gated = builder.loose(inner, builder.loose(inner, builder.part(everything, inner, apart=True)), out)
    return builder.new(builder.shape.embedding, builder.view(builder.norm(builder.view(gated))))


def delta_net(builder: Builder, state: Recurrent, of: Result, *, repeated: bool) -> Result:
    """A gated delta net, fused; ``repeated``: its keys are repeated for every value head (Qwen3-Next)."""
    values, keys, heads = state.inner, state.groups * state.state_size, state.ranks
    channels = values + 2 * keys
    mixed = builder.view(builder.new(channels, of))
    gate = builder.new(values, of)
    if repeated:
        both = builder.new(2 * heads, of)
        strength = builder.over(builder.new(heads, builder.part(both, heads)))
        decay = builder.over(builder.over(builder.over(builder.new(heads, builder.part(both, heads)))))
    else:
        strength = builder.over(builder.view(builder.new(heads, of)))
        decay = builder.over(builder.over(builder.over(builder.view(builder.new(heads, of)))))
    history = read_state(builder, state.convolution)
    convolved = _convolved(builder, state, history, builder.part(mixed, channels), channels)
    memory = builder.view(read_state(builder, state.state))
    convolved = builder.over(convolved)
    query, key = (builder.new(keys, builder.part(convolved, keys)) for _ in range(2))
    if repeated and keys != values:
        query, key = (builder.view(builder.new(values, builder.view(one))) for one in (query, key))
    value = builder.part(convolved, values)
    scanned = Result(
        4 * (values * builder.batch + state.state), (query, key, value, builder.view(decay), strength, memory)
    )
    builder.store(builder.part(scanned, 1))
    out = builder.norm(builder.part(scanned, values))
    gated = builder.over(out, builder.over(builder.view(gate)))
    return builder.view(builder.new(builder.shape.embedding, builder.view(gated)))


def short_convolution(builder: Builder, state: Recurrent, of: Result) -> Result:
    """LFM2's gated short convolution."""
    width = builder.shape.embedding
    three = builder.new(3 * width, builder.view(of))
    first, second, third = (builder.part(three, width) for _ in range(3))
    product = builder.part(builder.new(width, first, third), width)
    history = read_state(builder, state.convolution)
    convolved = _convolved(builder, state, history, product, width)
    return builder.view(builder.new(width, builder.over(convolved, second)))


def kimi_delta(builder: Builder, state: Recurrent, of: Result) -> Result:
    """Kimi's delta attention: three convolutions, a gated delta net, a low-rank gate (src/models/kimi-linear.cpp)."""
    inner, heads = state.inner, max(1, state.inner // state.head_size)
    builder.graph.expand(of)
    history = read_state(builder, state.convolution)
    joined = []
    for _ in range(3):
        stream = builder.view(builder.view(builder.new(inner, of)))
        one = Result(4 * inner * (state.kernel - 1 + builder.batch), (builder.part(history, 1), stream))
        builder.store(Result(4 * inner * (state.kernel - 1), (one,), viewed=one))
        joined.append(one)
    memory = builder.view(read_state(builder, state.state))
    query, key, value = (builder.view(builder.over(builder.view(builder.new(inner, one)))) for one in joined)
    query, key = (builder.over(builder.over(one)) for one in (query, key))
    decay = builder.over(builder.over(builder.new(inner, builder.new(state.head_size, of))))
    decay = builder.view(builder.over(builder.view(decay)))
    strength = builder.over(builder.view(builder.new(heads, of)))
    scanned = Result(4 * (inner * builder.batch + state.state), (query, key, value, decay, strength, memory))
    builder.store(builder.part(scanned, 1))
    out = builder.norm(builder.view(builder.new(inner, builder.part(scanned, inner))))
    gate = builder.over(builder.view(builder.new(inner, builder.new(state.head_size, builder.view(of)))))
    return builder.new(builder.shape.embedding, builder.new(inner, builder.over(out, gate)))
