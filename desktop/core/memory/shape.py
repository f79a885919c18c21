"""What decides a model's memory, read from the metadata of a GGUF header; the first 64 KB of a file hold it.

Source: llama.cpp 0c1e57098, ``src/llama-model.cpp`` (load_hparams) and ``src/models/*.cpp`` (load_arch_hparams),
``src/llama-hparams.cpp``. Lengths are elements, context and windows tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

from desktop.core.gguf import Header
from desktop.core.layers import locate
from desktop.core.memory.architectures import PLAIN, Fused, Windows, facts_of

_MAX_LAYERS = 512  # LLAMA_MAX_LAYERS (src/llama-hparams.h): a file that claims more is damaged


@dataclass(frozen=True)
class Layer:
    """One layer. ``window`` 0 sees the whole context; ``owns_kv`` is False where another layer's cache is read.

    ``experts`` 0 is a dense layer; otherwise ``experts_used`` of them, each ``expert_feed_forward`` wide, are computed
    for a token.
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


@dataclass(frozen=True)
class Latent:
    """Compressed attention (MLA): ranks of keys and values and of queries (0: none), lengths before compression."""

    rank: int
    query_rank: int
    key_length: int
    value_length: int


@dataclass(frozen=True)
class Recurrent:
    """The state of one recurrent layer: ``convolution`` and ``state`` are elements of 4 bytes per sequence.

    ``inner`` is the width of the layer's own stream, ``state_size``, ``groups`` and ``ranks`` as the ssm.* keys say.
    """

    convolution: int
    state: int
    inner: int = 0
    state_size: int = 0
    groups: int = 0
    ranks: int = 0
    kernel: int = 0

    @property
    def bytes(self) -> int:
        return 4 * (self.convolution + self.state)


@dataclass(frozen=True)
class ModelShape:
    """A model's shape. ``layers`` are those of the main graph; draft layers (nextn) hold weights but no cache.

    With ``latent`` only keys are stored. ``reads_cache`` is False where attention sees one batch and nothing that was
    kept. ``known`` is False for an architecture there are no facts of: the formulas
    of a plain one are used, with a wider band.
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
    rope: int = 0
    draft_layers: int = 0
    per_layer_embedding: int = 0
    fused: Fused = PLAIN
    recurrent: Recurrent | None = None
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


class _Keys:
    """Reads a header's ``ARCH.key`` values; a key that is an array gives one value per layer."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._prefix = header.architecture

    def whole(self, key: str, default: int = 0) -> int:
        """A scalar, or the largest element of an array."""
        found = self._header.integer(f"{self._prefix}.{key}")
        if found is not None:
            return found
        return max(self._elements(key), default=default)

    def each(self, key: str, count: int, default: int = 0) -> list[int]:
        """One value per layer: an array's elements, or a scalar repeated."""
        elements = self._elements(key)
        if elements:
            return (elements + [elements[-1]] * count)[:count]
        return [self.whole(key, default)] * count

    def has(self, key: str) -> bool:
        return f"{self._prefix}.{key}" in self._header.metadata

    def flags(self, key: str, count: int) -> list[bool] | None:
        """An array of flags, None when the key is missing or a scalar."""
        elements = self._elements(key)
        return [bool(value) for value in (elements + [0] * count)[:count]] if elements else None

    def _elements(self, key: str) -> list[int]:
        array = self._header.array(f"{self._prefix}.{key}")
        if array is None or len(array) > _MAX_LAYERS:
            return []
        return [int(value) for value in array if isinstance(value, int | bool)]


def shape_of(header: Header) -> ModelShape | None:
    """The shape a header describes; None when it lacks the keys every language model has (an mmproj file, say).

    Arrays are read here, so the header's source must still be open.
    """
    keys = _Keys(header)
    stored = keys.whole("block_count")
    embedding = keys.whole("embedding_length")
    if not 0 < stored <= _MAX_LAYERS or embedding <= 0:
        return None
    facts = facts_of(header.architecture)
    drafts = min(keys.whole("nextn_predict_layers"), stored - 1)
    count = stored - drafts
    heads = keys.each("attention.head_count", count)
    feed_forward = keys.each("feed_forward_length", count)
    kv_heads = keys.each("attention.head_count_kv", count) if keys.has("attention.head_count_kv") else heads
    default_length = embedding // heads[0] if heads[0] else 0
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
    layers = tuple(
        Layer(
            heads=heads[i],
            kv_heads=kv_heads[i],
            key_length=key_length_window if windows[i] else key_length,
            value_length=value_length_window if windows[i] else value_length,
            feed_forward=feed_forward[i],
            window=windows[i],
            owns_kv=i < owning and facts.attends(recurrent[i], feed_forward[i]),
            recurrent=recurrent[i],
            experts=experts[i],
            experts_used=experts_used[i] if experts[i] else 0,
            expert_feed_forward=(expert_feed_forward[i] or feed_forward[i]) if experts[i] else 0,
        )
        for i in range(count)
    )
    found = ModelShape(
        architecture=header.architecture,
        layers=layers,
        embedding=embedding,
        vocabulary=_vocabulary(header, keys),
        trained_context=keys.whole("context_length"),
        experts=keys.whole("expert_count"),
        experts_used=keys.whole("expert_used_count"),
        shared_feed_forward=keys.whole("expert_shared_feed_forward_length")
        or keys.whole("expert_shared_count", facts.shared_experts) * max(expert_feed_forward),
        latent=_latent(keys),
        rope=keys.whole("rope.dimension_count", key_length),
        draft_layers=drafts,
        per_layer_embedding=keys.whole("embedding_length_per_layer_input"),
        fused=_fused(header, facts.fused),
        recurrent=_recurrent(keys, embedding, heads) if any(recurrent) else None,
        reads_cache=facts.cache == "read",
        known=facts.known,
    )
    if len(_KNOWN) >= _KNOWN_KEPT:
        _KNOWN.clear()
    return _KNOWN.setdefault(found, found)


def _vocabulary(header: Header, keys: _Keys) -> int:
    for tensor in header.tensors:
        if tensor.name == "token_embd.weight" and len(tensor.shape) == 2:
            return tensor.shape[1]
    tokens = header.array("tokenizer.ggml.tokens")
    if tokens is not None:
        return len(tokens)
    return header.unfinished.get("tokenizer.ggml.tokens", 0) or keys.whole("vocab_size")


def _experts(header: Header, keys: _Keys, count: int) -> list[int]:
    """Experts of each layer, 0 for a dense one."""
    experts = keys.whole("expert_count")
    if header.complete and experts:
        routed = {place.layer for tensor in header.tensors if (place := locate(tensor.name)).role == "ffn_gate_inp"}
        return [experts if i in routed else 0 for i in range(count)]
    dense, step = keys.whole("leading_dense_block_count"), keys.whole("interleave_moe_layer_step", 1)
    return [experts if i >= dense and step and (i + 1) % step == 0 else 0 for i in range(count)]


def _latent(keys: _Keys) -> Latent | None:
    if not keys.whole("attention.key_length_mla"):
        return None
    return Latent(
        rank=keys.whole("attention.kv_lora_rank"),
        query_rank=keys.whole("attention.q_lora_rank"),
        key_length=keys.whole("attention.key_length_mla"),
        value_length=keys.whole("attention.value_length_mla"),
    )


def _fused(header: Header, usual: Fused) -> Fused:
    """Told by the tensors' names once they have been read, by what is usual before."""
    names = {place.role for tensor in header.tensors if (place := locate(tensor.name)).stack == "blk"}
    if not header.complete or not names:
        return usual
    gated = bool(names & {"ffn_gate", "ffn_gate_exps", "ffn_gate_up_exps"})
    return Fused(
        query_key_value="attn_qkv" in names and "attn_q" not in names,
        gate_up=usual.gate_up and not gated,
        gated=gated or usual.gate_up,
        parallel=not names & {"ffn_norm", "attn_post_norm", "post_attention_norm"} and bool(names & {"ffn_up"}),
    )


def _windows(keys: _Keys, facts: Windows | None, count: int) -> list[int]:
    """The window of each layer, 0 for the whole context (llama-hparams.cpp, set_swa_pattern)."""
    if facts is None:
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


def _recurrent_layers(keys: _Keys, rule: str, kv_heads: list[int], feed_forward: list[int], count: int) -> list[bool]:
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


def _recurrent(keys: _Keys, embedding: int, heads: list[int]) -> Recurrent:
    """``n_embd_r`` and ``n_embd_s`` of llama-hparams.cpp."""
    kernel = keys.whole("ssm.conv_kernel")
    if head_size := keys.whole("wkv.head_size"):
        return Recurrent(keys.whole("token_shift_count", 2) * embedding, embedding * head_size)
    if cache := keys.whole("shortconv.l_cache"):
        return Recurrent(embedding * (cache - 1), 0, inner=embedding, kernel=cache)
    if head_size := keys.whole("kda.head_dim"):
        inner = max(heads) * head_size
        return Recurrent(3 * (kernel - 1 if kernel else 3) * inner, head_size * inner, inner=inner, kernel=kernel)
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
