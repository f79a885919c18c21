"""Forges models that guess by themselves: a few layers, the last of them for multi-token prediction (MTP).

Tensors as llama.cpp wants them, ``src/models/qwen35.cpp`` (load_arch_tensors): every second layer of the trunk keeps a
recurrent state, the MTP layer attends.
"""

from __future__ import annotations

from pathlib import Path

from support.forge import Value, vocabulary, write

WIDTH, HIDDEN, HEADS, LENGTH, TRUNK = 128, 256, 2, 64, 4
_STATE, _GROUPS, _VALUES = 32, 2, 2
_UINT, _FLOAT, _STRING = 4, 6, 8
Part = tuple[str, tuple[int, ...], str]


def forge_mtp(path: Path, vocab: Path, *, layers: bool = True) -> Path:
    """A whole model; without ``layers`` its header promises MTP layers that are not in the file."""
    words = vocabulary(vocab)
    keys = {
        "block_count": TRUNK + 1, "context_length": 8192, "embedding_length": WIDTH, "feed_forward_length": HIDDEN,
        "attention.head_count": HEADS, "attention.head_count_kv": 1, "attention.key_length": LENGTH,
        "attention.value_length": LENGTH, "ssm.conv_kernel": 4, "ssm.inner_size": _VALUES * _STATE,
        "ssm.state_size": _STATE, "ssm.time_step_rank": _VALUES, "ssm.group_count": _GROUPS,
        "rope.dimension_count": 32, "full_attention_interval": 2, "nextn_predict_layers": 1,
    }  # fmt: skip
    entries = {
        "general.architecture": Value(_STRING, "qwen35"),
        "general.name": Value(_STRING, "Forged"),
        **{f"qwen35.{key}": Value(_UINT, value) for key, value in keys.items()},
        "qwen35.attention.layer_norm_rms_epsilon": Value(_FLOAT, 1e-5),
        "qwen35.rope.freq_base": Value(_FLOAT, 10000.0),
        "qwen35.rope.dimension_sections": Value(9, b"".join(n.to_bytes(4, "little") for n in (6, 5, 5, 0)), 5, 4),
        **words,
    }
    count = words["tokenizer.ggml.tokens"].length
    parts: list[Part] = [("token_embd.weight", (WIDTH, count), "F32"), ("output_norm.weight", (WIDTH,), "F32")]
    for layer in range(TRUNK):
        parts += _delta(layer) if (layer + 1) % 2 else _attention(layer)
        parts += _forward(layer)
    if layers:
        parts += [*_attention(TRUNK), *_forward(TRUNK), *_next(TRUNK)]
    return write(path, entries, parts)


def _named(layer: int, **tensors: tuple[int, ...]) -> list[Part]:
    return [(f"blk.{layer}.{name.replace('__', '.')}", dims, "F32") for name, dims in tensors.items()]


def _norms(layer: int) -> list[Part]:
    return _named(layer, attn_norm__weight=(WIDTH,), post_attention_norm__weight=(WIDTH,))


def _attention(layer: int) -> list[Part]:
    return _norms(layer) + _named(
        layer, attn_q__weight=(WIDTH, 2 * HEADS * LENGTH), attn_k__weight=(WIDTH, LENGTH),
        attn_v__weight=(WIDTH, LENGTH), attn_output__weight=(HEADS * LENGTH, WIDTH), attn_q_norm__weight=(LENGTH,),
        attn_k_norm__weight=(LENGTH,),
    )  # fmt: skip


def _delta(layer: int) -> list[Part]:
    keys, values = _STATE * _GROUPS, _STATE * _VALUES
    return _norms(layer) + _named(
        layer, attn_qkv__weight=(WIDTH, 2 * keys + values), attn_gate__weight=(WIDTH, values),
        ssm_conv1d__weight=(4, 2 * keys + values), ssm_dt__bias=(_VALUES,), ssm_a=(_VALUES,),
        ssm_norm__weight=(_STATE,), ssm_out__weight=(values, WIDTH), ssm_beta__weight=(WIDTH, _VALUES),
        ssm_alpha__weight=(WIDTH, _VALUES),
    )  # fmt: skip


def _forward(layer: int) -> list[Part]:
    return _named(
        layer, ffn_gate__weight=(WIDTH, HIDDEN), ffn_up__weight=(WIDTH, HIDDEN), ffn_down__weight=(HIDDEN, WIDTH)
    )


def _next(layer: int) -> list[Part]:
    return _named(
        layer, nextn__eh_proj__weight=(2 * WIDTH, WIDTH), nextn__enorm__weight=(WIDTH,), nextn__hnorm__weight=(WIDTH,)
    )
