"""What a quantized KV cache costs: only what a source says, and no figure without one."""

import pytest

from desktop.core.kv_quality import KvEffect, kv_quality
from desktop.core.load_settings import KV_TYPES, KvType


@pytest.mark.parametrize(
    ("keys", "values", "effect", "types"),
    [
        ("f16", "f16", KvEffect.UNQUANTIZED, ()),
        ("f32", "bf16", KvEffect.UNQUANTIZED, ()),
        ("q8_0", "q8_0", KvEffect.SMALL, ("q8_0",)),
        ("f16", "q8_0", KvEffect.SMALL, ("q8_0",)),
        ("q4_0", "f16", KvEffect.WORSE_TOOL_CALLS, ("q4_0",)),
        ("q8_0", "q4_0", KvEffect.WORSE_TOOL_CALLS, ("q4_0",)),
        ("q8_0", "q5_1", KvEffect.NOT_MEASURED, ("q5_1",)),
        ("q5_0", "iq4_nl", KvEffect.NOT_MEASURED, ("q5_0", "iq4_nl")),
    ],
)
def test_effects(keys: KvType, values: KvType, effect: KvEffect, types: tuple[KvType, ...]) -> None:
    found = kv_quality((keys, values))
    assert (found.effect, found.types) == (effect, types)


def test_a_figure_has_a_source() -> None:
    for keys in KV_TYPES:
        for values in KV_TYPES:
            found = kv_quality((keys, values))
            assert found.source or found.kld_high is None
