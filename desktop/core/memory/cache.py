"""Bytes of the KV cache and of recurrent states, layer by layer, for one sequence; each further one takes the same.

Source: llama.cpp 0c1e57098, ``src/llama-kv-cache.cpp``, ``src/llama-kv-cache-iswa.cpp`` (cells of a window),
``src/llama-memory-recurrent.cpp``; as Heft's engine asks for it: one sequence, no full-size window cache.
"""

from __future__ import annotations

from desktop.core.context_length import engine_context
from desktop.core.load_settings import DEFAULT_BATCH, DEFAULT_CONTEXT, LoadSettings
from desktop.core.memory.shape import ModelShape
from desktop.core.model_kind import Purpose
from desktop.core.quants import TYPES_BY_NAME

BATCH = DEFAULT_BATCH  # tokens per decode call, as many as the physical batch: nothing is split twice
CHECKPOINTS = 2  # states the server keeps of a sliding-window or recurrent model: at the last question, and at its end


def batch_of(context: int, batch: int = BATCH) -> int:
    """Tokens of one graph (n_ubatch) at a context length, where ``batch`` are wanted."""
    return min(batch, context)


def batch_for(purpose: Purpose, context: int, batch: int = BATCH) -> int:
    """As :func:`batch_of`; what becomes one vector, or one score, is read in one graph, however long."""
    return batch_of(context, batch) if purpose == "text" else context


def default_context(shape: ModelShape) -> int:
    """The context of a load for which nobody chose one, in tokens."""
    return context_by(LoadSettings(), shape.trained_context or 0)


def context_of(settings: LoadSettings, shape: ModelShape) -> int:
    """The context that the engine has when a model is loaded so, in tokens."""
    return context_by(settings, shape.trained_context or 0)


def context_by(settings: LoadSettings, trained: int) -> int:
    """The same for a model of which only the context that it was ``trained`` for is known, in tokens, or 0."""
    return engine_context(settings.context or min(DEFAULT_CONTEXT, trained or DEFAULT_CONTEXT))


def cells(shape: ModelShape, layer: int, context: int, batch: int = BATCH) -> int:
    """Cells of a layer's cache; a sliding window needs its length and one batch of so many tokens."""
    whole = engine_context(context)
    window = shape.layers[layer].window
    return engine_context(min(whole, window + batch_of(whole, batch))) if window else whole


def kv_bytes(
    shape: ModelShape,
    layer: int,
    context: int,
    kv_types: tuple[str, str] = ("f16", "f16"),
    *,
    flash_attention: bool = True,
    batch: int = BATCH,
) -> int:
    """Bytes of a layer's keys and values, each of its type; a compressed cache (MLA) holds keys only, of latent plus
    rope.

    Without flash attention values are stored transposed, each layer's as wide as the widest's.
    """
    one = shape.layers[layer]
    if not one.owns_kv:
        return 0
    keys, values = (TYPES_BY_NAME[kind.upper()] for kind in kv_types)
    row = keys.size(one.kv_heads * one.key_length)
    if shape.latent is None:
        alike = [one] if flash_attention else shape.layers
        row += values.size(max(each.kv_heads * each.value_length for each in alike))
    row += keys.size(one.indexer_keys) + values.size(one.indexer_values)
    return row * cells(shape, layer, context, batch)


def recurrent_bytes(shape: ModelShape, layer: int) -> int:
    """Bytes of a layer's recurrent state."""
    if shape.recurrent is None or not shape.layers[layer].recurrent:
        return 0
    return shape.recurrent.bytes
