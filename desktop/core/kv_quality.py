"""What a quantized KV cache costs in quality, as far as a source says it (docs/reference/quality.md)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from desktop.core.load_settings import KvType

_UNQUANTIZED = frozenset[KvType](("f32", "f16", "bf16"))
_MEASURED = "llama.cpp PR 7412"
_WARNED = "llama.cpp docs/function-calling.md"


class KvEffect(StrEnum):
    """How a cache's types tell in what a model answers."""

    UNQUANTIZED = "unquantized"  # what losses are measured against
    SMALL = "small"  # measured
    WORSE_TOOL_CALLS = "worse-tool-calls"  # its makers warn of it; no figure
    NOT_MEASURED = "not-measured"


@dataclass(frozen=True)
class KvQuality:
    """``types`` are those it is about, of keys before values. ``kld_high`` is the most mean KL divergence measured,
    None where there is no figure; ``source`` is "" where nobody says anything.
    """

    effect: KvEffect
    types: tuple[KvType, ...] = ()
    kld_high: float | None = None
    source: str = ""


def kv_quality(kv_types: tuple[KvType, KvType]) -> KvQuality:
    """What is known of a cache whose keys and values are of these types."""
    quantized = tuple(dict.fromkeys(kind for kind in kv_types if kind not in _UNQUANTIZED))
    if not quantized:
        return KvQuality(KvEffect.UNQUANTIZED)
    if "q4_0" in quantized:
        return KvQuality(KvEffect.WORSE_TOOL_CALLS, ("q4_0",), source=_WARNED)
    if quantized == ("q8_0",):  # 0.00098 with both in q8_0; less with either in f16
        return KvQuality(KvEffect.SMALL, quantized, 0.00098, _MEASURED)
    return KvQuality(KvEffect.NOT_MEASURED, tuple(kind for kind in quantized if kind != "q8_0"))
