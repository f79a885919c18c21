"""How attention is computed: fused ("flash attention") or as plain matrix products, and in batches of how many tokens.

On a CPU with an f16 cache llama.cpp's fused attention (ggml-cpu/ops.cpp, ``flash_attn_ext_f16``) goes from cell to
cell and converts each number on its way. Behind some thousand tokens plain products write faster and read a short
question twice as fast (tests/bench/bench_attention.py); a long prompt is read a little slower. They keep the scores of
a whole batch in memory, ``4 x context x batch x heads`` bytes, so the batch becomes smaller as the context grows; up
to 16,000 tokens that is less than what a batch of 512 takes.
"""

from __future__ import annotations

from dataclasses import dataclass

from desktop.core.memory.shape import ModelShape

BATCH = 512  # tokens per decode call (desktop/engine/llama.py, BATCH)
_PLAIN_BATCH, _LEAST_BATCH = 128, 16
_PLAIN_SCORES = 128 * 16_384  # of one head: context x batch


@dataclass(frozen=True)
class Attention:
    """``batch`` tokens are computed at a time (llama.cpp's n_ubatch); ``fused`` leaves the choice to llama.cpp."""

    fused: bool
    batch: int


def attention_of(
    shape: ModelShape | None, context: int, kv_type: str, *, on_cpu: bool, fused: bool | None = None
) -> Attention:
    """What a load uses at a context length, in tokens. ``on_cpu``: no layer is on a GPU.

    ``fused`` None chooses; True or False was asked for. A model of unknown shape is left to llama.cpp, and so are
    compressed caches, whose values would be transposed at each token, recurrent layers, and models that are not causal
    and have to see all their tokens at once.
    """
    plain = shape is not None and shape.known and shape.causal and shape.latent is None and shape.recurrent is None
    if fused is None and plain and on_cpu and kv_type == "f16":
        batch = max(_LEAST_BATCH, min(_PLAIN_BATCH, _PLAIN_SCORES // max(1, context)))
        return Attention(False, min(1 << batch.bit_length() - 1, context))
    return Attention(fused is not False, min(BATCH, context))
