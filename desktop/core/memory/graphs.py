"""Whole graphs, one function per family of architectures: the order in which llama.cpp computes a batch.

Source: llama.cpp 0c1e57098, ``src/models/*.cpp`` (graph). Layers of one kind repeat the same steps, so a graph is
built of some of them only (``compute.steps``); the last one ends with a single row.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from desktop.core.hardware import RAM
from desktop.core.memory import adapters, lightning, looped, mixers, rwkv, t5
from desktop.core.memory.blocks import Builder
from desktop.core.memory.bounds import beyond, inputs
from desktop.core.memory.encoders import NORMED_BEHIND, encoder
from desktop.core.memory.forward import experts, feed_forward
from desktop.core.memory.indexed import Indexer
from desktop.core.memory.replay import Result
from desktop.core.memory.shape import Layer

_ROUTER_BIAS = frozenset(("deepseek2", "glm4moe", "dots1", "bailingmoe2", "ernie4_5-moe", "lfm2moe", "minimax-m2"))
_SHARED_GATE = frozenset(("qwen2moe", "qwen3next", "qwen35moe"))
_PLAIN_SUM = frozenset(("gpt-oss", "jamba", "qwen2moe", "olmoe"))  # experts' weights need not sum to one
_RESIDUAL_FIRST = frozenset(("jamba", "lfm2", "lfm2moe"))  # sums are written over the stream, not over the part
_NO_ROTATION = frozenset(
    ("jamba", "kimi-linear", "kimi-k3", "glm5-next", "gpt2", "mpt", "starcoder", "bloom", "jais",
     "nemotron_h", "nemotron_h_moe"),
)  # fmt: skip
_WINDOWS_ROTATED = frozenset(("cohere2", "exaone4"))  # where there are windows, layers without have no rotation
_LEARNED_POSITIONS = frozenset(("gpt2", "starcoder", "mpt"))
_TOKENS_ONLY = frozenset(("dflash",))  # ready-made embeddings come as another graph
_EVERY_ROW = frozenset(("cogvlm", "dflash"))  # logits of a whole batch
_WHOLE_BATCH = frozenset(  # keep rows for a draft model
    ("gpt-oss", "gemma4", "qwen3next", "qwen35", "qwen35moe", "bailingmoe3", "cohere2moe", "hy_v3", "nemotron_h",
     "nemotron_h_moe", "step35"),
)  # fmt: skip
_SKIPPED = frozenset(("talkie",))  # behind each layer stands the embedding, too, times the layer's weight
_ONE_PART = frozenset(("nemotron_h", "nemotron_h_moe"))  # a layer mixes or is a feed-forward part
_LATE_ROW = frozenset(("kimi-k3", "hy_v4", "deepseek4"))  # the last row is taken behind all layers


def build(builder: Builder) -> int:
    """Bytes of the buffer of the graph of ``builder.shape``."""
    match builder.shape.architecture:
        case "gemma3n":
            return _gemma3n(builder)
        case "gemma4":
            return _gemma4(builder)
        case name if name in rwkv.NAMES:
            return rwkv.graph(builder)
        case _ if builder.shape.adapter_rank:
            return adapters.graph(builder)
        case "hrm_text":
            return looped.graph(builder)
        case "minimax-01":
            return lightning.graph(builder)
        case name if name in NORMED_BEHIND:
            return encoder(builder)
        case "t5":
            return t5.decoder(builder)
        case "t5encoder":
            return t5.encoder(builder)
    return _stream(builder)


def _layers(builder: Builder) -> Iterator[tuple[Layer, bool]]:
    """The layers, and whether one ends with a single row."""
    early = builder.shape.architecture not in _WHOLE_BATCH | _EVERY_ROW | _LATE_ROW
    for layer, last in builder.each_layer():
        yield layer, early and last


def _stream(builder: Builder) -> int:
    """A residual stream of mixers and feed-forward parts, which is what nearly all architectures are."""
    shape = builder.shape
    stream = builder.embedding(tokens_only=shape.architecture in _TOKENS_ONLY)
    if shape.architecture in _LEARNED_POSITIONS:
        stream = builder.over(stream, builder.new(shape.embedding, builder.positions))
    if shape.streams > 1:  # of hyper-connections: before and behind a layer
        size = 4 * shape.streams * shape.embedding * builder.batch
        builder.held.extend(builder.graph.leaf(size, builder.first_device) for _ in range(2))
    skipped = None
    if shape.architecture in _SKIPPED:
        skipped = stream = builder.over(stream)
    indexer = None
    if beyond(shape, builder.longest, builder.batch):
        _beyond(builder)
    elif shape.indexer is not None and shape.latent is not None:
        chosen = sum(layer.owns_kv and not layer.window for layer in builder.built)
        indexer = Indexer(builder, chosen)
    for layer, last in _layers(builder):
        normed = stream if shape.norms.behind else builder.norm(stream)
        if shape.architecture in _ONE_PART and (layer.experts or layer.feed_forward):
            stream = builder.over(_forward(builder, layer, normed, 0), stream)
            continue
        if layer.owns_kv and layer.recurrent:
            joined = _both(builder, layer, stream, normed)
            joined, rows = (builder.last_row(joined), builder.rows) if last else (joined, 0)
            stream = builder.over(_forward(builder, layer, builder.norm(joined), rows), joined)
            continue
        mixed = _mix(builder, layer, normed, indexer)
        normed = builder.norm(stream) if shape.norms.second else normed
        rows = 0
        if last:
            mixed, stream, rows = builder.last_row(mixed), builder.last_row(stream), builder.rows
            if shape.fused.parallel:
                normed = builder.last_row(normed)
        if not layer.experts and not layer.feed_forward:
            stream = _sum(builder, mixed, stream)
        elif shape.fused.parallel:
            stream = builder.over(builder.over(_forward(builder, layer, normed, rows), stream), mixed)
        elif shape.norms.experts and layer.experts:
            stream = _apart(builder, layer, stream, _sum(builder, mixed, stream), rows)
        else:
            joined = _sum(builder, mixed, stream)
            read = joined if shape.norms.behind else builder.norm(joined)
            stream = _sum(builder, _forward(builder, layer, read, rows), joined)
        if shape.norms.scaled:
            stream = _scaled(builder, stream, builder.last_row(skipped) if skipped and last else skipped)
    if shape.architecture in _LATE_ROW:
        stream = builder.last_row(stream)
    every_row = shape.architecture in _EVERY_ROW
    return builder.logits(stream, whole_batch=shape.architecture in _WHOLE_BATCH, every_row=every_row)


def _beyond(builder: Builder) -> None:
    """Hold what is not replayed on every device that has layers, and what they read in main memory."""
    shape, cells, batch = builder.shape, builder.longest, builder.batch
    choosing = builder.devices_of(lambda layer: layer.indexer_keys > 0)
    devices = builder.devices_of(lambda _: True)
    for device in devices:
        more = beyond(shape, cells, batch, elsewhere=device != RAM, chooses=device in choosing)
        builder.held.append(builder.graph.leaf(more, device))
    if RAM not in devices:
        builder.held.append(builder.graph.leaf(inputs(shape, cells, batch)))


def _both(builder: Builder, layer: Layer, stream: Result, normed: Result) -> Result:
    """Attention and a recurrent part beside it, each with a norm, and the stream (src/models/falcon-h1.cpp)."""
    assert builder.shape.recurrent is not None
    attended = builder.attention(layer, normed)
    mixed = mixers.mamba2(builder, builder.shape.recurrent, builder.norm(stream))
    return builder.over(builder.over(attended, mixed), stream)


def _apart(builder: Builder, layer: Layer, stream: Result, joined: Result, rows: int) -> Result:
    """A dense part behind attention, and experts that read what attention reads (src/models/arctic.cpp)."""
    dense = builder.over(feed_forward(builder, builder.norm(joined), layer.feed_forward, rows), joined)
    return builder.over(experts(builder, layer, builder.norm(stream), rows), dense)


def _scaled(builder: Builder, stream: Result, skipped: Result | None) -> Result:
    """What a layer gives, times its weight; or the embedding times it beside that."""
    scaled = builder.weighed(skipped or stream)
    return builder.over(stream, scaled) if skipped else scaled


def _sum(builder: Builder, part: Result, stream: Result) -> Result:
    if builder.shape.architecture in _RESIDUAL_FIRST:
        return builder.over(stream, part)
    return builder.over(part, stream)


def _mix(builder: Builder, layer: Layer, normed: Result, indexer: Indexer | None) -> Result:
    shape, state = builder.shape, builder.shape.recurrent
    if shape.latent is not None and layer.owns_kv:
        return _latent_attention(builder, layer, normed, None if layer.window else indexer)
    if shape.low_ranks is not None:
        return _unpacked_attention(builder, layer, normed, *shape.low_ranks)
    if state is None or not layer.recurrent:
        if shape.architecture in ("qwen3next", "qwen35", "qwen35moe"):
            return _gated_attention(builder, layer, normed)
        rotates = shape.architecture not in _NO_ROTATION
        if shape.architecture in _WINDOWS_ROTATED:
            rotates = layer.window > 0 or not builder.windowed
        return builder.attention(layer, normed, rotates=rotates)
    match shape.architecture:
        case "mamba" | "jamba":
            return mixers.mamba(builder, state, normed, normed=shape.architecture == "jamba")
        case "lfm2" | "lfm2moe":
            return mixers.short_convolution(builder, state, normed)
        case "qwen3next" | "qwen35" | "qwen35moe":
            builder.graph.expand(normed)
            return mixers.delta_net(builder, state, normed, repeated=shape.architecture == "qwen3next")
        case "kimi-linear" | "kimi-k3" | "glm5-next" | "bailingmoe3":
            return mixers.kimi_delta(builder, state, normed)
    return mixers.mamba2(builder, state, normed)


def _forward(builder: Builder, layer: Layer, normed: Result, rows: int) -> Result:
    """The feed-forward part: dense, or routed experts and the shared one beside them."""
    shape = builder.shape
    if not layer.experts:
        return feed_forward(builder, normed, layer.feed_forward, rows)
    narrowed = layer.expert_width > 0
    routed = experts(
        builder,
        layer,
        builder.new(layer.expert_width, normed, rows=rows) if narrowed else normed,
        rows,
        scores=builder.new(layer.experts, normed, rows=rows) if narrowed else None,
        normed=shape.architecture not in _PLAIN_SUM and shape.architecture != "llama4",
        biased=shape.architecture in _ROUTER_BIAS,
        weighted_first=shape.architecture == "llama4",
        gated=shape.fused.gated,
    )
    if narrowed:
        routed = builder.new(shape.embedding, routed, rows=rows)
    if not shape.shared_feed_forward:
        return routed
    shared = feed_forward(builder, normed, shape.shared_feed_forward, rows)
    if shape.architecture in _SHARED_GATE:
        shared = builder.over(shared, builder.over(builder.new(1, normed, rows=rows)))
    return builder.over(routed, shared)


def _latent_attention(builder: Builder, layer: Layer, normed: Result, indexer: Indexer | None) -> Result:
    """DeepSeek's compressed attention: one shared key of rank plus rotary part (src/models/deepseek2.cpp)."""
    latent = builder.shape.latent
    assert latent is not None
    rope, heads = builder.shape.rope, layer.heads
    if indexer is not None and layer.indexer_keys:
        indexer.keys(normed)
    queries = builder.norm(builder.new(latent.query_rank, normed)) if latent.query_rank else normed
    query = builder.view(builder.new(heads * latent.key_length, queries))
    packed = builder.new(latent.rank + rope, normed)
    rotates = builder.shape.architecture not in _NO_ROTATION
    rotated_key, rotated = builder.part(packed, rope), builder.part(query, heads * rope)
    if rotates:
        rotated_key = builder.new(rope, rotated_key, builder.positions)
    compressed = builder.norm(builder.part(packed, latent.rank))
    if rotates:
        rotated = builder.new(heads * rope, rotated, builder.positions)
    plain = heads * (latent.key_length - rope)
    absorbed = builder.new(heads * latent.rank, builder.part(builder.part(query, plain), plain))
    whole = builder.new(heads * (latent.rank + rope), builder.part(absorbed, heads * latent.rank), rotated)
    value = builder.view(compressed)
    key = builder.new(latent.rank + rope, value, rotated_key)
    masked = None
    if indexer is not None:
        masked = partial(indexer.mask, layer, normed, queries)
    return builder.new(builder.shape.embedding, builder.attend(layer, whole, key, value, masked))


def _unpacked_attention(builder: Builder, layer: Layer, normed: Result, query_rank: int, rank: int) -> Result:
    """Compressed queries, keys and values, unpacked for the cache (src/models/minicpm3.cpp)."""
    rope, width = builder.shape.rope, layer.heads * layer.value_length
    low = builder.norm(builder.new(query_rank, normed)) if query_rank else normed
    query = builder.over(builder.view(builder.new(layer.heads * layer.key_length, low)), builder.positions)
    packed = builder.new(rank + rope, normed)
    both = builder.new(layer.heads * (layer.key_length - rope) + width, builder.norm(builder.part(packed, rank)))
    value = builder.view(builder.new(width, builder.part(both, width)))
    turned = builder.new(layer.heads * rope, builder.new(rope, builder.part(packed, rope), builder.positions))
    key = builder.new(layer.heads * layer.key_length, builder.part(both, width), turned)
    return builder.new(builder.shape.embedding, builder.attend(layer, query, key, value))


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
    builder.device = builder.first_device  # where its matrix is
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
            dense = builder.norm(feed_forward(builder, builder.norm(attended), layer.feed_forward))
            normed = builder.norm(attended)
            scores = builder.new(layer.experts, builder.over(builder.norm(attended)))
            mixed = builder.over(dense, builder.norm(experts(builder, layer, normed, scores=scores)))
        else:
            mixed = feed_forward(builder, builder.norm(attended), layer.feed_forward)
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
