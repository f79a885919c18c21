"""Whole graphs, one function per family of architectures: the order in which llama.cpp computes a batch.

Source: llama.cpp 0c1e57098, ``src/models/*.cpp`` (graph). Layers of one kind repeat the same steps, so a graph is
built of the first layers only: every kind of layer three times (freed blocks settle), and the last one, which ends
with a single row.
"""

from __future__ import annotations

from collections.abc import Iterator

from desktop.core.memory import mixers, t5
from desktop.core.memory.blocks import Builder
from desktop.core.memory.encoders import NORMED_BEHIND, encoder
from desktop.core.memory.replay import Result
from desktop.core.memory.shape import Layer, ModelShape

_ROUTER_BIAS = frozenset(("deepseek2", "glm4moe", "dots1", "bailingmoe2", "ernie4_5-moe", "lfm2moe", "minimax-m2"))
_SHARED_GATE = frozenset(("qwen2moe", "qwen3next", "qwen35moe"))
_PLAIN_SUM = frozenset(("gpt-oss", "jamba", "qwen2moe", "olmoe"))  # experts' weights need not sum to one
_RESIDUAL_FIRST = frozenset(("jamba", "lfm2", "lfm2moe"))  # sums are written over the stream, not over the part
_NO_ROTATION = frozenset(("jamba",))
_WINDOWS_ROTATED = frozenset(("cohere2", "exaone4"))  # layers without a window have no rotation
_ONE_PART = frozenset(("nemotron_h", "nemotron_h_moe"))  # a layer is a mixer or a feed-forward part
_REPEATS = 3
_WHOLE_BATCH = frozenset(("gpt-oss", "gemma4", "qwen3next", "qwen35", "qwen35moe"))  # keep rows for a draft model


def build(builder: Builder) -> int:
    """Bytes of the buffer of the graph of ``builder.shape``."""
    match builder.shape.architecture:
        case "gemma3n":
            return _gemma3n(builder)
        case "gemma4":
            return _gemma4(builder)
        case name if name in NORMED_BEHIND:
            return encoder(builder)
        case "t5":
            return t5.decoder(builder)
        case "t5encoder":
            return t5.encoder(builder)
    return _stream(builder)


def sampled_layers(shape: ModelShape) -> list[Layer]:
    """Layers up to the third of each kind, and the last."""
    seen: dict[Layer, int] = {}
    end = 0
    for number, layer in enumerate(shape.layers):
        seen[layer] = seen.get(layer, 0) + 1
        if seen[layer] <= _REPEATS:
            end = number + 1
    layers = list(shape.layers[:end])
    return layers if end == len(shape.layers) else [*layers, shape.layers[-1]]


def _layers(builder: Builder) -> Iterator[tuple[Layer, bool]]:
    """The sampled layers, and whether one ends with a single row."""
    layers = sampled_layers(builder.shape)
    early = builder.shape.architecture not in _WHOLE_BATCH
    for number, layer in enumerate(layers):
        yield layer, early and number == len(layers) - 1


def _stream(builder: Builder) -> int:
    """A residual stream of mixers and feed-forward parts, which is what nearly all architectures are."""
    shape = builder.shape
    stream = builder.embedding()
    for layer, last in _layers(builder):
        normed = builder.norm(stream)
        if shape.architecture in _ONE_PART and not (layer.recurrent or layer.owns_kv):
            part = _forward(builder, layer, normed, 0)
            stream = _sum(builder, *((builder.last_row(part), builder.last_row(stream)) if last else (part, stream)))
            continue
        mixed = _mix(builder, layer, normed)
        rows = 0
        if last:
            mixed, stream, rows = builder.last_row(mixed), builder.last_row(stream), 1
            if shape.fused.parallel:
                normed = builder.last_row(normed)
        if shape.fused.parallel:
            stream = builder.over(builder.over(_forward(builder, layer, normed, rows), stream), mixed)
            continue
        joined = _sum(builder, mixed, stream)
        if not layer.experts and not layer.feed_forward:
            stream = joined
            continue
        stream = _sum(builder, _forward(builder, layer, builder.norm(joined), rows), joined)
    return builder.logits(stream, whole_batch=shape.architecture in _WHOLE_BATCH)


def _sum(builder: Builder, part: Result, stream: Result) -> Result:
    if builder.shape.architecture in _RESIDUAL_FIRST:
        return builder.over(stream, part)
    return builder.over(part, stream)


def _mix(builder: Builder, layer: Layer, normed: Result) -> Result:
    shape, state = builder.shape, builder.shape.recurrent
    if shape.latent is not None and layer.owns_kv:
        return _latent_attention(builder, layer, normed)
    if state is None or not layer.recurrent:
        if shape.architecture in ("qwen3next", "qwen35", "qwen35moe"):
            return _gated_attention(builder, layer, normed)
        rotates = layer.window > 0 if shape.architecture in _WINDOWS_ROTATED else shape.architecture not in _NO_ROTATION
        return builder.attention(layer, normed, rotates=rotates)
    match shape.architecture:
        case "mamba" | "jamba":
            return mixers.mamba(builder, state, normed, normed=shape.architecture == "jamba")
        case "lfm2" | "lfm2moe":
            return mixers.short_convolution(builder, state, normed)
        case "qwen3next" | "qwen35" | "qwen35moe":
            builder.graph.expand(normed)
            return mixers.delta_net(builder, state, normed, repeated=shape.architecture == "qwen3next")
        case "falcon-h1":
            attended = builder.attention(layer, normed)
            return builder.over(mixers.mamba2(builder, state, normed), attended)
    return mixers.mamba2(builder, state, normed)


def _forward(builder: Builder, layer: Layer, normed: Result, rows: int) -> Result:
    """The feed-forward part: dense, or routed experts and the shared one beside them."""
    shape = builder.shape
    if not layer.experts:
        return builder.feed_forward(normed, layer.feed_forward, rows)
    routed = builder.experts(
        layer,
        normed,
        rows,
        normed=shape.architecture not in _PLAIN_SUM and shape.architecture != "llama4",
        biased=shape.architecture in _ROUTER_BIAS,
        weighted_first=shape.architecture == "llama4",
    )
    if not shape.shared_feed_forward:
        return routed
    shared = builder.feed_forward(normed, shape.shared_feed_forward, rows)
    if shape.architecture in _SHARED_GATE:
        shared = builder.over(shared, builder.over(builder.new(1, normed, rows=rows)))
    return builder.over(routed, shared)


def _latent_attention(builder: Builder, layer: Layer, normed: Result) -> Result:
    """DeepSeek's compressed attention: one shared key of rank plus rotary part (src/models/deepseek2.cpp)."""
    latent = builder.shape.latent
    assert latent is not None
    rope, heads = builder.shape.rope, layer.heads
    query = builder.norm(builder.new(latent.query_rank, normed)) if latent.query_rank else normed
    query = builder.view(builder.new(heads * latent.key_length, query))
    packed = builder.new(latent.rank + rope, normed)
    rotated_key = builder.new(rope, builder.part(packed, rope), builder.positions)
    compressed = builder.norm(builder.part(packed, latent.rank))
    rotated = builder.new(heads * rope, builder.part(query, heads * rope), builder.positions)
    plain = heads * (latent.key_length - rope)
    absorbed = builder.new(heads * latent.rank, builder.part(builder.part(query, plain), plain))
    whole = builder.new(heads * (latent.rank + rope), builder.part(absorbed, heads * latent.rank), rotated)
    value = builder.view(compressed)
    key = builder.new(latent.rank + rope, value, rotated_key)
    return builder.new(builder.shape.embedding, builder.attend(layer, whole, key, value))


def _gated_attention(builder: Builder, layer: Layer, normed: Result) -> Result:
    """Queries come with a gate for the result (src/models/qwen35.cpp, build_layer_attn)."""
    builder.graph.expand(normed)
    width, keys = layer.heads * layer.key_length, layer.kv_heads * layer.key_length
    both = builder.new(2 * width, normed)
    query = builder.over(builder.norm(builder.part(both, width)), builder.positions)
    key = builder.over(builder.norm(builder.view(builder.new(keys, normed))), builder.positions)
    value = builder.view(builder.new(layer.kv_heads * layer.value_length, normed))
    mixed = builder.attend(layer, query, key, value)
    gate = builder.over(builder.new(width, builder.part(both, width)))
    return builder.new(builder.shape.embedding, builder.over(mixed, gate))


def _per_layer_inputs(builder: Builder, stream: Result) -> Result:
    """The extra embedding of every layer, projected (gemma3n and gemma4, project_per_layer_inputs)."""
    width = builder.shape.per_layer_embedding * builder.shape.layer_count
    rows = builder.graph.expand(builder.over(builder.view(builder.new(width, builder.leaf(1)))))
    projected = builder.norm(builder.view(builder.over(builder.new(width, stream))))
    joined = builder.over(builder.over(projected, rows))
    return builder.new(width, builder.part(joined, width))


def _owned(builder: Builder, layer: Layer, normed: Result) -> Result:
    """Attention that reads an earlier layer's cache where a layer has none of its own."""
    if layer.owns_kv:
        return builder.attention(layer, normed)
    query = builder.view(builder.new(layer.heads * layer.key_length, normed))
    return builder.new(
        builder.shape.embedding, builder.attend(layer, builder.over(query, builder.positions), None, None)
    )


def _gemma4(builder: Builder) -> int:
    shape = builder.shape
    stream = builder.embedding()
    extra = _per_layer_inputs(builder, stream) if shape.per_layer_embedding else None
    for layer, _ in _layers(builder):
        attended = builder.over(builder.norm(_owned(builder, layer, builder.norm(stream))), stream)
        if layer.experts:
            dense = builder.norm(builder.feed_forward(builder.norm(attended), layer.feed_forward))
            normed = builder.norm(attended)
            scores = builder.new(layer.experts, builder.over(builder.norm(attended)))
            mixed = builder.over(dense, builder.norm(builder.experts(layer, normed, scores=scores)))
        else:
            mixed = builder.feed_forward(builder.norm(attended), layer.feed_forward)
        stream = builder.over(builder.norm(mixed), attended)
        if extra is not None:
            width = shape.per_layer_embedding
            gate = builder.over(builder.new(width, stream))
            gate = builder.over(gate, builder.part(extra, width))
            stream = builder.over(stream, builder.norm(builder.new(shape.embedding, gate)))
    return builder.logits(stream, whole_batch=True)


_INPUTS = 4  # of gemma3n: parallel streams (llama-hparams.h, n_altup)
_SPARSE_LAYERS = 10  # models/models.h, n_layer_sparsity
_LAUREL_RANK = 64  # llama-hparams.h, laurel_rank


def _gemma3n(builder: Builder) -> int:
    """Four streams, of which each layer works on one and predicts and corrects the others."""
    shape, one = builder.shape, builder.shape.embedding
    first = builder.embedding()
    extra = _per_layer_inputs(builder, first)
    magnitude = builder.over(builder.new(1, Result(first.size, (first,), inplace=True)))
    others = builder.new((_INPUTS - 1) * one, builder.new((_INPUTS - 1) * one, first))
    scaled = builder.over(builder.over(others, magnitude), builder.new(_INPUTS - 1, builder.over(others)))
    stream = builder.new(_INPUTS * one, first, scaled)
    for number, (layer, _) in enumerate(_layers(builder)):
        predicted = _predicted(builder, stream)
        active = builder.part(predicted, one)
        normed = builder.norm(active)
        laurel = builder.norm(builder.new(one, builder.new(_LAUREL_RANK, normed)))
        laurel = builder.over(laurel, normed)
        attended = builder.over(builder.norm(_owned(builder, layer, normed)), active)
        joined = builder.over(builder.over(attended, laurel))
        up_normed = builder.norm(joined)
        up, gate = builder.new(layer.feed_forward, up_normed), builder.new(layer.feed_forward, up_normed)
        if number < _SPARSE_LAYERS:
            gate = _sparse(builder, gate)
        mixed = builder.norm(builder.new(one, builder.over(up, builder.over(gate))))
        corrected = _corrected(builder, predicted, builder.over(mixed, joined))
        width = shape.per_layer_embedding
        hint = builder.over(builder.new(width, builder.over(builder.part(corrected, one))))
        hint = builder.over(hint, builder.part(extra, width))
        hint = builder.norm(builder.new(one, hint))
        rest = builder.new((_INPUTS - 1) * one, builder.part(corrected, (_INPUTS - 1) * one), hint)
        stream = builder.new(_INPUTS * one, builder.part(corrected, one), rest)
    others = builder.new((_INPUTS - 1) * one, builder.part(stream, (_INPUTS - 1) * one))
    total = builder.over(builder.part(stream, one), builder.part(others, one))
    return builder.logits(builder.last_row(builder.over(total)))


def _sparse(builder: Builder, gate: Result) -> Result:
    """Only what lies far above the mean passes (gaussian_topk)."""
    mean = builder.new(1, gate)
    deviation = builder.over(builder.over(builder.new(1, builder.over(builder.over(gate, mean)))))
    return builder.over(builder.over(gate, builder.over(mean, builder.over(deviation))))


def _modalities(builder: Builder, of: Result) -> Result:
    return builder.over(builder.new(_INPUTS, builder.over(builder.norm(of))))


def _predicted(builder: Builder, stream: Result) -> Result:
    one = builder.shape.embedding
    modalities = _modalities(builder, builder.part(stream, one))
    coefficients = builder.view(builder.new(_INPUTS * _INPUTS, modalities))
    turned = builder.new(_INPUTS * one, builder.part(stream, _INPUTS * one))
    predicted = builder.new(_INPUTS * one, turned, coefficients)
    return builder.over(builder.new(_INPUTS * one, builder.part(predicted, _INPUTS * one)), stream)


def _corrected(builder: Builder, predicted: Result, activated: Result) -> Result:
    one = builder.shape.embedding
    modalities = _modalities(builder, activated)
    innovation = builder.over(activated, builder.part(predicted, one))
    coefficients = builder.new(_INPUTS, builder.part(builder.new(_INPUTS, modalities), _INPUTS))
    repeated = builder.new(_INPUTS * one, innovation)
    return builder.over(builder.over(repeated, coefficients), predicted)
