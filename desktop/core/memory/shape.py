"""What decides a model's memory, read from the metadata of a GGUF header; the first 64 KB of a file hold it.

Source: llama.cpp 0c1e57098, ``src/llama-model.cpp`` (load_hparams) and ``src/models/*.cpp`` (load_arch_hparams),
``src/llama-hparams.cpp``. Lengths are elements, context and windows tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from desktop.core.gguf import Header
from desktop.core.layers import locate
from desktop.core.memory.architectures import BEFORE, PLAIN, Fused, Norms, Windows, facts_of
from desktop.core.memory.header_keys import MAX_LAYERS, HeaderKeys
from desktop.core.memory.matrices import (
    feed_forward_widths,
    fused_matrices,
    layer_widths,
    norms_of,
    shared_width,
    told_layers,
)


@dataclass(frozen=True)
class Layer:
    """One layer. ``window`` 0 sees the whole context; ``owns_kv`` is False where another layer's cache is read.

    ``experts`` 0 is a dense layer; otherwise ``experts_used`` of them, each ``expert_feed_forward`` wide, are computed
    for a token. ``indexer_keys`` are the elements per token that choose what is read of the cache; with
    ``indexer_values`` as many again are allocated that nothing reads. ``gate`` is the width of what multiplies
    attention's result, ``expert_width`` of what experts read and give where that is not the stream; 0 without.
    """

    heads: int
    kv_heads: int
    key_length: int
    value_length: int
    feed_forward: int
    window: int = 0
    owns_kv: bool = True
    recurrent: bool = False
    experts: int = 0
    experts_used: int = 0
    expert_feed_forward: int = 0
    indexer_keys: int = 0
    indexer_values: int = 0
    gate: int = 0
    expert_width: int = 0


@dataclass(frozen=True)
class Latent:
    """Compressed attention (MLA): ranks of keys and values and of queries (0: none), lengths before compression."""

    rank: int
    query_rank: int
    key_length: int
    value_length: int


@dataclass(frozen=True)
class Indexer:
    """What chooses the cells that attention reads: ``heads`` queries of ``length``, the best ``top_k`` cells."""

    heads: int
    length: int
    top_k: int


@dataclass(frozen=True)
class Recurrent:
    """The state of one recurrent layer: ``convolution`` and ``state`` are elements of 4 bytes per sequence.

    ``inner`` is the width of the layer's own stream, ``state_size``, ``groups`` and ``ranks`` as the ssm.* keys say;
    with RWKV 6 ``ranks`` and ``state_size`` are those of time mixing and decay, with RWKV 7 ``low_ranks`` those of
    decay, learning rate, value residual and gate.
    """

    convolution: int
    state: int
    inner: int = 0
    state_size: int = 0
    groups: int = 0
    ranks: int = 0
    kernel: int = 0
    low_ranks: tuple[int, ...] = ()
    head_size: int = 0

    @property
    def bytes(self) -> int:
        return 4 * (self.convolution + self.state)


@dataclass(frozen=True)
class ModelShape:
    """A model's shape. ``layers`` are those of the main graph; draft layers (nextn) hold weights but no cache.

    With ``latent`` only keys are stored. ``reads_cache`` is False where attention sees one batch and nothing that was
    kept. ``known`` is False for an architecture there are no facts of: the formulas
    of a plain one are used, with a wider band. ``streams`` are the residual streams of hyper-connections,
    ``low_ranks`` those of queries and of keys and values that are unpacked before they are stored, ``adapter_rank``
    that of the adapters a router behind the layers chooses from.
    """

    architecture: str
    layers: tuple[Layer, ...]
    embedding: int
    vocabulary: int
    trained_context: int
    experts: int = 0
    experts_used: int = 0
    shared_feed_forward: int = 0
    latent: Latent | None = None
    low_ranks: tuple[int, int] | None = None
    rope: int = 0
    draft_layers: int = 0
    per_layer_embedding: int = 0
    fused: Fused = PLAIN
    norms: Norms = BEFORE
    recurrent: Recurrent | None = None
    indexer: Indexer | None = None
    streams: int = 1
    adapter_rank: int = 0
    reads_cache: bool = True
    known: bool = True

    def __hash__(self) -> int:
        """Cheap, since shapes are keys of caches that are asked hundreds of times for one move of a slider."""
        return hash((self.architecture, self.embedding, self.vocabulary, self.trained_context, len(self.layers)))

    @property
    def layer_count(self) -> int:
        """Layers a person counts, without draft layers."""
        return len(self.layers)


# Equal shapes are one object, so that looking one up in a cache does not compare it layer by layer.
_KNOWN: dict[ModelShape, ModelShape] = {}
_KNOWN_KEPT = 64


def shape_of(header: Header) -> ModelShape | None:
    """The shape a header describes; None when it lacks the keys every language model has (an mmproj file, say).

    Arrays are read here, so the header's source must still be open.
    """
    keys = HeaderKeys(header)
    stored = keys.whole("block_count")
    embedding = keys.whole("embedding_length")
    if not 0 < stored <= MAX_LAYERS or embedding <= 0:
        return None
    facts = facts_of(header.architecture)
    drafts = min(keys.whole("nextn_predict_layers"), stored - 1)
    count = stored - drafts
    heads = keys.each("attention.head_count", count)
    feed_forward = keys.each("feed_forward_length", count)
    kv_heads = keys.each("attention.head_count_kv", count) if keys.has("attention.head_count_kv") else heads
    default_length = embedding // heads[0] if heads[0] else 0
    fused = fused_matrices(header, facts.fused, max(feed_forward))
    widths = feed_forward_widths(header, fused, [each // 2 if facts.halved else each for each in feed_forward])
    windows = _windows(keys, facts.windows, count)
    recurrent = _recurrent_layers(keys, facts.recurrent, kv_heads, feed_forward, count)
    owning = facts.own_kv_layers or count
    if keys.has("attention.shared_kv_layers"):
        owning = stored - keys.whole("attention.shared_kv_layers")
    key_length = keys.whole("attention.key_length", default_length)
    value_length = keys.whole("attention.value_length", default_length)
    key_length_window = keys.whole("attention.key_length_swa", key_length)
    value_length_window = keys.whole("attention.value_length_swa", value_length)
    experts = _experts(header, keys, count)
    experts_used = keys.each("expert_used_count", count)
    expert_feed_forward = keys.each("expert_feed_forward_length", count)
    owns = [i < owning and facts.attends(recurrent[i], feed_forward[i]) for i in range(count)]
    indexer = _indexer_keys(keys, facts.indexer, owns, windows)
    gates, narrowed = (layer_widths(header, role, count) for role in ("attn_gate", "ffn_latent_down"))
    shared = keys.whole("expert_shared_feed_forward_length")
    shared = shared or keys.whole("expert_shared_count", facts.shared_experts) * max(expert_feed_forward)
    layers = tuple(
        Layer(
            heads=heads[i],
            kv_heads=kv_heads[i],
            key_length=key_length_window if windows[i] else key_length,
            value_length=value_length_window if windows[i] else value_length,
            feed_forward=widths[i],
            window=windows[i],
            owns_kv=owns[i],
            recurrent=recurrent[i],
            experts=experts[i],
            experts_used=experts_used[i] if experts[i] else 0,
            expert_feed_forward=(expert_feed_forward[i] or feed_forward[i]) if experts[i] else 0,
            indexer_keys=indexer[i],
            # llama-kv-cache-msa.cpp leaves the values' length as the model's, for one head
            indexer_values=value_length if indexer[i] and facts.indexer == "sparse" else 0,
            gate=0 if recurrent[i] else gates[i],
            expert_width=narrowed[i] if experts[i] else 0,
        )
        for i in range(count)
    )
    if facts.router:
        layers += (replace(layers[-1], heads=1, kv_heads=1, feed_forward=0),)
    found = ModelShape(
        architecture=header.architecture,
        layers=layers,
        embedding=embedding,
        vocabulary=_vocabulary(header, keys),
        trained_context=keys.whole("context_length"),
        experts=keys.whole("expert_count"),
        experts_used=keys.whole("expert_used_count"),
        shared_feed_forward=shared_width(header, shared),
        latent=_latent(header, keys),
        low_ranks=_low_ranks(header, keys),
        rope=keys.whole("rope.dimension_count", key_length),
        draft_layers=drafts,
        per_layer_embedding=keys.whole("embedding_length_per_layer_input"),
        fused=fused,
        norms=norms_of(header, facts.norms),
        recurrent=_recurrent(keys, embedding, heads) if any(recurrent) else None,
        indexer=_indexer(keys) if any(indexer) or facts.indexer == "compressed" else None,
        streams=keys.whole("hyper_connection.count", 1),
        adapter_rank=keys.whole("adapters.lora_rank") if facts.router else 0,
        reads_cache=facts.cache == "read",
        known=facts.known,
    )
    return one_object(found)


def one_object(shape: ModelShape) -> ModelShape:
    """The one object of this and equal shapes."""
    if len(_KNOWN) >= _KNOWN_KEPT:
        _KNOWN.clear()
    return _KNOWN.setdefault(shape, shape)


def _vocabulary(header: Header, keys: HeaderKeys) -> int:
    for tensor in header.tensors:
        if tensor.name == "token_embd.weight" and len(tensor.shape) == 2:
            return tensor.shape[1]
    tokens = header.array("tokenizer.ggml.tokens")
    if tokens is not None:
        return len(tokens)
    return header.unfinished.get("tokenizer.ggml.tokens", 0) or keys.whole("vocab_size")


def _experts(header: Header, keys: HeaderKeys, count: int) -> list[int]:
    """Experts of each layer, 0 for a dense one."""
    experts, told = keys.whole("expert_count"), told_layers(header, count)
    routed = {place.layer for tensor in header.tensors if (place := locate(tensor.name)).role == "ffn_gate_inp"}
    dense, step = keys.whole("leading_dense_block_count"), keys.whole("interleave_moe_layer_step", 1)
    usual = (i >= dense and step > 0 and (i + 1) % step == 0 for i in range(count))
    return [experts if (i in routed if i in told else rule) else 0 for i, rule in enumerate(usual)]


def _latent(header: Header, keys: HeaderKeys) -> Latent | None:
    direct = header.complete and not any(locate(tensor.name).role == "attn_q_a" for tensor in header.tensors)
    if not keys.whole("attention.key_length_mla"):
        return None
    return Latent(
        rank=keys.whole("attention.kv_lora_rank"),
        query_rank=0 if direct else keys.whole("attention.q_lora_rank"),
        key_length=keys.whole("attention.key_length_mla"),
        value_length=keys.whole("attention.value_length_mla"),
    )


def _indexer_keys(keys: HeaderKeys, rule: str, owns: list[bool], windows: list[int]) -> list[int]:
    """Elements per token of each layer's indexer, 0 for a layer without (llama_model::create_memory)."""
    length, count = keys.whole("attention.indexer.key_length"), len(owns)
    if rule in ("", "compressed") or not length or not keys.whole("attention.indexer.top_k"):
        return [0] * count
    length *= 3 if keys.prefix == "glm5-next" else 1  # key, gate and pooled value
    chosen = [True] * count
    if rule == "listed":
        chosen = keys.flags("attention.indexer.types", count) or chosen
    elif rule == "sparse":
        chosen = [i >= keys.whole("leading_dense_block_count") for i in range(count)]
    return [
        length if own and wanted and not window else 0
        for own, wanted, window in zip(owns, chosen, windows, strict=True)
    ]


def _low_ranks(header: Header, keys: HeaderKeys) -> tuple[int, int] | None:
    """Of MiniCPM 3 and PLM: DeepSeek's compression without its cache."""
    if header.architecture not in ("minicpm3", "plm"):
        return None
    return (keys.whole("attention.q_lora_rank") if header.architecture == "minicpm3" else 0), keys.whole(
        "attention.kv_lora_rank"
    )


def _indexer(keys: HeaderKeys) -> Indexer:
    return Indexer(
        heads=keys.whole("attention.indexer.head_count"),
        length=keys.whole("attention.indexer.key_length"),
        top_k=keys.whole("attention.indexer.top_k"),
    )


def _windows(keys: HeaderKeys, facts: Windows | None, count: int) -> list[int]:
    """The window of each layer, 0 for the whole context (llama-hparams.cpp, set_swa_pattern)."""
    if facts is None or facts.only_layers not in (0, count):
        return [0] * count
    size = facts.fixed or keys.whole("attention.sliding_window", facts.default)
    if size <= 0 or (keys.has("attention.sliding_window") and not keys.whole("attention.sliding_window")):
        return [0] * count
    flags = keys.flags("attention.sliding_window_pattern", count)
    if flags is None:
        period = keys.whole("attention.sliding_window_pattern", facts.period)
        dense = 0 if facts.dense_first else period - 1
        flags = [period == 0 or i % period != dense for i in range(count)]
    return [size if flag else 0 for flag in flags]


def _recurrent_layers(
    keys: HeaderKeys, rule: str, kv_heads: list[int], feed_forward: list[int], count: int
) -> list[bool]:
    match rule:
        case "all" | "beside-attention":
            return [True] * count
        case "no-kv-heads":
            return [heads == 0 for heads in kv_heads]
        case "no-kv-heads-no-ffn":
            return [heads == 0 and width == 0 for heads, width in zip(kv_heads, feed_forward, strict=True)]
        case "interval":
            flags = keys.flags("attention.recurrent_layers", count)
            interval = max(1, keys.whole("full_attention_interval", 4))
            return flags if flags is not None else [(i + 1) % interval != 0 for i in range(count)]
    return [False] * count


def _recurrent(keys: HeaderKeys, embedding: int, heads: list[int]) -> Recurrent:
    """``n_embd_r`` and ``n_embd_s`` of llama-hparams.cpp."""
    kernel = keys.whole("ssm.conv_kernel")
    if head_size := keys.whole("wkv.head_size"):
        lora = ("decay", "iclr", "value_residual_mix", "gate")
        return Recurrent(
            keys.whole("token_shift_count", 2) * embedding,
            embedding * head_size,
            ranks=keys.whole("time_mix_extra_dim"),
            state_size=keys.whole("time_decay_extra_dim"),
            low_ranks=tuple(keys.whole(f"attention.{name}_lora_rank") for name in lora),
        )
    if cache := keys.whole("shortconv.l_cache"):
        return Recurrent(embedding * (cache - 1), 0, inner=embedding, kernel=cache)
    if head_size := keys.whole("kda.head_dim"):
        inner = max(heads) * head_size
        return Recurrent(
            3 * (kernel - 1 if kernel else 3) * inner,
            head_size * inner,
            inner=inner,
            kernel=kernel or 4,
            head_size=head_size,
        )
    if keys.prefix == "minimax-01":
        return Recurrent(0, max(heads) * keys.whole("attention.key_length", embedding // max(heads)) ** 2)
    inner, size, groups = keys.whole("ssm.inner_size"), keys.whole("ssm.state_size"), keys.whole("ssm.group_count")
    return Recurrent(
        convolution=max(0, kernel - 1) * (inner + 2 * groups * size),
        state=size * inner,
        inner=inner,
        state_size=size,
        groups=groups,
        ranks=keys.whole("ssm.time_step_rank"),
        kernel=kernel,
    )
