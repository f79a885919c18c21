"""Headers of published shapes for many architectures: real metadata and tensor lists, no weights.

Sizes follow the models' published configurations; tensor names and dimensions follow llama.cpp ``src/models/*.cpp``
(load_arch_tensors). Matrices are Q4_K where a row is a multiple of 256, else Q8_0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from support.forge_header import Forged


def _base(layers: int, width: int, hidden: int, heads: int, kv_heads: int, **more: Any) -> dict[str, Any]:
    return {
        "block_count": layers, "context_length": 131072, "embedding_length": width, "feed_forward_length": hidden,
        "attention.head_count": heads, "attention.head_count_kv": kv_heads,
        "attention.layer_norm_rms_epsilon": 1e-5, "attention.layer_norm_epsilon": 1e-5, "rope.freq_base": 10000.0,
        **{key.replace("__", "."): value for key, value in more.items()},
    }  # fmt: skip


def _attention(model: Forged, layer: int, heads: int, kv_heads: int, length: int, *, normed: bool = False) -> None:
    width = model.keys["embedding_length"]
    model.block(
        layer,
        attn_norm=(width,), attn_q=(width, heads * length), attn_k=(width, kv_heads * length),
        attn_v=(width, kv_heads * length), attn_output=(heads * length, width),
    )  # fmt: skip
    if normed:
        model.block(layer, attn_q_norm=(length,), attn_k_norm=(length,))


def _dense(model: Forged, layer: int, hidden: int) -> None:
    width = model.keys["embedding_length"]
    model.block(layer, ffn_norm=(width,), ffn_gate=(width, hidden), ffn_up=(width, hidden), ffn_down=(hidden, width))


def _routed(model: Forged, layer: int, experts: int, hidden: int, shared: int = 0) -> None:
    width = model.keys["embedding_length"]
    model.block(
        layer,
        ffn_gate_inp=(width, experts), ffn_gate_exps=(width, hidden, experts), ffn_up_exps=(width, hidden, experts),
        ffn_down_exps=(hidden, width, experts),
    )  # fmt: skip
    if shared:
        model.block(layer, ffn_gate_shexp=(width, shared), ffn_up_shexp=(width, shared), ffn_down_shexp=(shared, width))


def _plain(
    name: str, vocabulary: int, layers: int, width: int, hidden: int, heads: int, kv_heads: int, length: int = 0,
    *, tied: bool = True, normed: bool = False, post_norms: bool = False, **more: Any,
) -> Forged:  # fmt: skip
    lengths = {"attention.key_length": length, "attention.value_length": length} if length else {}
    model = Forged(name, vocabulary, _base(layers, width, hidden, heads, kv_heads, **more) | lengths)
    model.ends(tied=tied)
    for i in range(layers):
        _attention(model, i, heads, kv_heads, length or width // heads, normed=normed)
        _dense(model, i, hidden)
        if post_norms:
            model.block(i, post_attention_norm=(width,), post_ffw_norm=(width,))
    return model


def llama_8b() -> Forged:
    return _plain("llama", 128256, 32, 4096, 14336, 32, 8, tied=False)


def mixtral() -> Forged:
    model = Forged("llama", 32000, _base(32, 4096, 14336, 32, 8, expert_count=8, expert_used_count=2))
    model.ends(tied=False)
    for i in range(32):
        _attention(model, i, 32, 8, 128)
        model.block(i, ffn_norm=(4096,))
        _routed(model, i, 8, 14336)
    return model


def qwen2_7b() -> Forged:
    model = _plain("qwen2", 152064, 28, 3584, 18944, 28, 4, tied=False)
    for i in range(28):
        model.block(i, attn_q__bias=(3584,), attn_k__bias=(512,), attn_v__bias=(512,))
    return model


def qwen3_4b() -> Forged:
    return _plain("qwen3", 151936, 36, 2560, 9728, 32, 8, 128, normed=True)


def qwen3_30b_a3b() -> Forged:
    more = {"expert_count": 128, "expert_used_count": 8, "expert_feed_forward_length": 768}
    keys = _base(48, 2048, 6144, 32, 4, attention__key_length=128, attention__value_length=128, **more)
    model = Forged("qwen3moe", 151936, keys)
    model.ends(tied=False)
    for i in range(48):
        _attention(model, i, 32, 4, 128, normed=True)
        model.block(i, ffn_norm=(2048,))
        _routed(model, i, 128, 768)
    return model


def phi3_mini() -> Forged:
    model = Forged("phi3", 32064, _base(32, 3072, 8192, 32, 32, rope__dimension_count=96))
    model.ends(tied=False)
    for i in range(32):
        model.block(
            i, attn_norm=(3072,), attn_qkv=(3072, 9216), attn_output=(3072, 3072), ffn_norm=(3072,),
            ffn_up=(3072, 16384), ffn_down=(8192, 3072),
        )  # fmt: skip
    return model


def gemma2_9b() -> Forged:
    return _plain(
        "gemma2", 256000, 42, 3584, 14336, 16, 8, 256, post_norms=True, attention__sliding_window=4096,
        attn_logit_softcapping=50.0, final_logit_softcapping=30.0,
    )  # fmt: skip


def gemma3_12b() -> Forged:
    return _plain(
        "gemma3", 262208, 48, 3840, 15360, 16, 8, 256, normed=True, post_norms=True, attention__sliding_window=1024
    )


def gemma3n_e4b() -> Forged:
    layers, width, extra = 35, 2048, 256
    model = _plain(
        "gemma3n", 262400, layers, width, 16384, 8, 2, 256, normed=True, post_norms=True,
        attention__sliding_window=512, embedding_length_per_layer_input=extra,
    )  # fmt: skip
    model.add("altup_proj", width, width, 3)
    model.add("altup_unembd_proj", width, width, 3)
    model.add("per_layer_token_embd", extra * layers, 262400)
    model.add("per_layer_model_proj", width, extra * layers)
    model.add("per_layer_proj_norm", extra)
    for i in range(layers):
        model.block(
            i, inp_gate=(width, extra), proj=(extra, width), post_norm=(width,), altup_correct_coef=(4, 4),
            altup_correct_scale=(width,), altup_predict_coef=(4, 16), altup_router=(width, 4),
            altup_router_norm=(width,), laurel_l=(width, 64), laurel_r=(64, width), laurel_post_norm=(width,),
        )  # fmt: skip
    return model


def gemma4_e4b() -> Forged:
    layers, width, extra = 42, 2560, 256
    windows = [(i + 1) % 6 != 0 for i in range(layers)]
    keys = _base(
        layers, width, 10240, 8, 2, attention__sliding_window=512, attention__sliding_window_pattern=windows,
        attention__key_length=512, attention__value_length=512, attention__key_length_swa=256,
        attention__value_length_swa=256, attention__shared_kv_layers=18, embedding_length_per_layer_input=extra,
        rope__dimension_count=512, rope__dimension_count_swa=256, final_logit_softcapping=30.0,
    )  # fmt: skip
    model = Forged("gemma4", 262144, keys)
    model.ends(tied=True)
    model.add("per_layer_token_embd", extra * layers, 262144)
    model.add("per_layer_model_proj", width, extra * layers)
    model.add("per_layer_proj_norm", extra)
    model.add("rope_freqs", 256)
    for i in range(layers):
        _attention(model, i, 8, 2, 256 if windows[i] else 512, normed=True)
        _dense(model, i, 10240)
        model.block(
            i, post_attention_norm=(width,), post_ffw_norm=(width,), inp_gate=(width, extra), proj=(extra, width),
            post_norm=(width,),
        )  # fmt: skip
    return model


def gpt_oss_20b() -> Forged:
    more = {"expert_count": 32, "expert_used_count": 4, "expert_feed_forward_length": 2880}
    keys = _base(
        24, 2880, 2880, 64, 8, attention__key_length=64, attention__value_length=64, attention__sliding_window=128,
        rope__dimension_count=64, **more,
    )  # fmt: skip
    model = Forged("gpt-oss", 201088, keys)
    model.ends(tied=False)
    for i in range(24):
        _attention(model, i, 64, 8, 64)
        _routed(model, i, 32, 2880)
        model.block(
            i, post_attention_norm=(2880,), attn_sinks=(64,), attn_q__bias=(4096,), attn_k__bias=(512,),
            attn_v__bias=(512,), attn_output__bias=(2880,), ffn_gate_inp__bias=(32,), ffn_gate_exps__bias=(2880, 32),
            ffn_up_exps__bias=(2880, 32), ffn_down_exps__bias=(2880, 32),
        )  # fmt: skip
    return model


def cohere2_8b() -> Forged:
    keys = _base(32, 4096, 14336, 32, 8, attention__sliding_window=4096, logit_scale=0.25)
    model = Forged("cohere2", 256000, keys)
    model.ends(tied=True)
    for i in range(32):
        _attention(model, i, 32, 8, 128)
        model.block(i, ffn_gate=(4096, 14336), ffn_up=(4096, 14336), ffn_down=(14336, 4096))
    return model


def llama4_scout() -> Forged:
    more = {"expert_count": 16, "expert_used_count": 1, "expert_feed_forward_length": 8192}
    keys = _base(
        48, 5120, 16384, 40, 8, attention__key_length=128, attention__value_length=128, rope__dimension_count=128,
        interleave_moe_layer_step=1, **more,
    )  # fmt: skip
    model = Forged("llama4", 202048, keys)
    model.ends(tied=False)
    for i in range(48):
        _attention(model, i, 40, 8, 128)
        model.block(i, ffn_norm=(5120,))
        _routed(model, i, 16, 8192, shared=8192)
    return model


def deepseek2_lite() -> Forged:
    more = {
        "expert_count": 64, "expert_used_count": 6, "expert_feed_forward_length": 1408, "expert_shared_count": 2,
        "leading_dense_block_count": 1, "attention.kv_lora_rank": 512, "attention.key_length": 576,
        "attention.value_length": 512, "attention.key_length_mla": 192, "attention.value_length_mla": 128,
        "rope.dimension_count": 64,
    }  # fmt: skip
    model = Forged("deepseek2", 102400, _base(27, 2048, 10944, 16, 1) | more)
    model.ends(tied=False)
    for i in range(27):
        model.block(
            i, attn_norm=(2048,), attn_q=(2048, 16 * 192), attn_kv_a_mqa=(2048, 576), attn_kv_a_norm=(512,),
            attn_k_b=(128, 512, 16), attn_v_b=(512, 128, 16), attn_output=(2048, 2048), ffn_norm=(2048,),
        )  # fmt: skip
        if i:
            _routed(model, i, 64, 1408, shared=2816)
        else:
            model.block(i, ffn_gate=(2048, 10944), ffn_up=(2048, 10944), ffn_down=(10944, 2048))
    return model


def _delta_layer(model: Forged, i: int, keys: int, values: int, heads: int, *, joint: bool) -> None:
    width = model.keys["embedding_length"]
    model.block(
        i, attn_norm=(width,), post_attention_norm=(width,), attn_qkv=(width, 2 * keys + values),
        attn_gate=(width, values), ssm_conv1d=(4, 2 * keys + values), ssm_dt__bias=(heads,), ssm_a_=(heads,),
        ssm_norm=(values // heads,), ssm_out=(values, width),
    )  # fmt: skip
    if joint:
        model.block(i, ssm_ba=(width, 2 * heads))
    else:
        model.block(i, ssm_beta=(width, heads), ssm_alpha=(width, heads))


def _gated_layer(model: Forged, i: int, heads: int, kv_heads: int, length: int) -> None:
    width = model.keys["embedding_length"]
    model.block(
        i, attn_norm=(width,), post_attention_norm=(width,), attn_q=(width, 2 * heads * length),
        attn_k=(width, kv_heads * length), attn_v=(width, kv_heads * length), attn_output=(heads * length, width),
        attn_q_norm=(length,), attn_k_norm=(length,),
    )  # fmt: skip


def qwen35_9b() -> Forged:
    more = {
        "attention.key_length": 256, "attention.value_length": 256, "ssm.conv_kernel": 4, "ssm.inner_size": 4096,
        "ssm.state_size": 128, "ssm.time_step_rank": 32, "ssm.group_count": 16, "rope.dimension_count": 64,
        "rope.dimension_sections": [11, 11, 10, 0], "full_attention_interval": 4,
    }  # fmt: skip
    model = Forged("qwen35", 248320, _base(32, 4096, 12288, 16, 4) | more)
    model.ends(tied=False)
    for i in range(32):
        if (i + 1) % 4:
            _delta_layer(model, i, 2048, 4096, 32, joint=False)
        else:
            _gated_layer(model, i, 16, 4, 256)
        model.block(i, ffn_gate=(4096, 12288), ffn_up=(4096, 12288), ffn_down=(12288, 4096))
    return model


def qwen3next_80b() -> Forged:
    more = {
        "attention.key_length": 256, "attention.value_length": 256, "ssm.conv_kernel": 4, "ssm.inner_size": 4096,
        "ssm.state_size": 128, "ssm.time_step_rank": 32, "ssm.group_count": 16, "rope.dimension_count": 64,
        "expert_count": 512, "expert_used_count": 10, "expert_feed_forward_length": 512,
        "expert_shared_feed_forward_length": 512,
    }  # fmt: skip
    model = Forged("qwen3next", 151936, _base(48, 2048, 5120, 16, 2) | more)
    model.ends(tied=False)
    for i in range(48):
        if (i + 1) % 4:
            _delta_layer(model, i, 2048, 4096, 32, joint=True)
        else:
            _gated_layer(model, i, 16, 2, 256)
        _routed(model, i, 512, 512, shared=512)
        model.block(i, ffn_gate_inp_shexp=(2048,))
    return model


def jamba_mini() -> Forged:
    attends = [i % 8 == 4 for i in range(32)]
    more = {
        "attention.head_count_kv": [8 if one else 0 for one in attends], "ssm.conv_kernel": 4, "ssm.inner_size": 8192,
        "ssm.state_size": 16, "ssm.time_step_rank": 256, "expert_count": 16, "expert_used_count": 2,
    }  # fmt: skip
    model = Forged("jamba", 65536, _base(32, 4096, 14336, 32, 8) | more)
    model.ends(tied=False)
    for i in range(32):
        if attends[i]:
            _attention(model, i, 32, 8, 128)
        else:
            model.block(i, attn_norm=(4096,))
            _mamba_tensors(model, i, 4096, 8192, 16, 256, normed=True)
        if i % 2:
            model.block(i, ffn_norm=(4096,))
            _routed(model, i, 16, 14336)
        else:
            _dense(model, i, 14336)
    return model


def _mamba_tensors(model: Forged, i: int, width: int, inner: int, state: int, ranks: int, *, normed: bool) -> None:
    model.block(
        i, ssm_in=(width, 2 * inner), ssm_conv1d=(4, inner), ssm_conv1d__bias=(inner,),
        ssm_x=(inner, ranks + 2 * state), ssm_dt=(ranks, inner), ssm_dt__bias=(inner,), ssm_a_=(state, inner),
        ssm_d_=(inner,), ssm_out=(inner, width),
    )  # fmt: skip
    if normed:
        model.block(i, ssm_dt_norm=(ranks,), ssm_b_norm=(state,), ssm_c_norm=(state,))


def mamba_2_8b() -> Forged:
    keys = _base(64, 2560, 0, 0, 0) | {
        "ssm.conv_kernel": 4, "ssm.inner_size": 5120, "ssm.state_size": 16, "ssm.time_step_rank": 160,
    }  # fmt: skip
    model = Forged("mamba", 50280, keys)
    model.ends(tied=True)
    for i in range(64):
        model.block(i, attn_norm=(2560,))
        _mamba_tensors(model, i, 2560, 5120, 16, 160, normed=False)
    return model


def granite_hybrid() -> Forged:
    attends = [i in (5, 15, 25, 35) for i in range(40)]
    more = {
        "attention.head_count_kv": [8 if one else 0 for one in attends], "ssm.conv_kernel": 4, "ssm.inner_size": 8192,
        "ssm.state_size": 128, "ssm.time_step_rank": 128, "ssm.group_count": 1, "expert_count": 72,
        "expert_used_count": 10, "expert_shared_feed_forward_length": 1536, "rope.dimension_count": 128,
    }  # fmt: skip
    model = Forged("granitehybrid", 100352, _base(40, 4096, 768, 32, 8) | more)
    model.ends(tied=True)
    for i in range(40):
        if attends[i]:
            _attention(model, i, 32, 8, 128)
        else:
            model.block(
                i, attn_norm=(4096,), ssm_in=(4096, 2 * 8192 + 256 + 128), ssm_conv1d=(4, 8192 + 256),
                ssm_conv1d__bias=(8192 + 256,), ssm_dt__bias=(128,), ssm_a_=(1, 128), ssm_d_=(1, 128),
                ssm_norm=(8192, 1), ssm_out=(8192, 4096),
            )  # fmt: skip
        model.block(i, ffn_norm=(4096,))
        _routed(model, i, 72, 768, shared=1536)
    return model


def lfm2_1b() -> Forged:
    attends = [i in (2, 5, 8, 10, 12, 14) for i in range(16)]
    more = {"attention.head_count_kv": [8 if one else 0 for one in attends], "shortconv.l_cache": 3}
    model = Forged("lfm2", 65536, _base(16, 2048, 8192, 32, 8) | more)
    model.add("token_embd", 2048, 65536)
    model.add("token_embd_norm", 2048)
    for i in range(16):
        if attends[i]:
            _attention(model, i, 32, 8, 64, normed=True)
        else:
            model.block(i, attn_norm=(2048,))
            model.tensors += [
                (f"blk.{i}.shortconv.conv.weight", (3, 2048), "F32"),
                (f"blk.{i}.shortconv.in_proj.weight", (2048, 6144), "Q4_K"),
                (f"blk.{i}.shortconv.out_proj.weight", (2048, 2048), "Q4_K"),
            ]
        _dense(model, i, 8192)
    return model


SHAPES: tuple[Callable[[], Forged], ...] = (
    llama_8b, mixtral, qwen2_7b, qwen3_4b, qwen3_30b_a3b, phi3_mini, gemma2_9b, gemma3_12b, gemma3n_e4b, gemma4_e4b,
    gpt_oss_20b, cohere2_8b, llama4_scout, deepseek2_lite, qwen35_9b, qwen3next_80b, jamba_mini, mamba_2_8b,
    granite_hybrid, lfm2_1b,
)  # fmt: skip


def header_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every shape's name and its header-only file."""
    for shape in SHAPES:
        yield shape.__name__, shape().write(folder / f"{shape.__name__}.gguf")
