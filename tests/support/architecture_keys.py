"""The hyperparameters of a small model of every architecture: what llama.cpp's loader asks each of them for.

After llama.cpp 0c1e57098, ``test-llama-archs.cpp`` among its tests (get_gguf_ctx), which makes toy models of every
architecture; what that test leaves out (encoders, RWKV, drafts, Gemma 4) is added here. Lengths are elements or tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TRAINED_CONTEXT = 8192
VOCABULARY = 16384

_MLA = (
    "deepseek2", "deepseek32", "glm-dsa", "dots3note", "kimi-linear", "bailingmoe3", "kimi-k3", "glm5-next",
    "mistral4", "hy_v4",
)  # fmt: skip
_HYBRID_BY_HEADS = (
    "plamo2", "jamba", "nemotron_h", "nemotron_h_moe", "granitehybrid", "lfm2", "lfm2moe", "kimi-linear", "bailingmoe3",
    "kimi-k3", "glm5-next",
)  # fmt: skip
_EXPERTS = (
    "llama4", "cohere2moe", "grok", "qwen2moe", "qwen3moe", "qwen3next", "qwen3vlmoe", "qwen35moe", "qwen4exp",
    "phimoe", "dbrx", "olmoe", "arctic", "deepseek", "deepseek2", "deepseek2-ocr", "deepseek32", "dots3note",
    "deepseek4", "glm4moe", "glm-dsa", "exaone-moe", "bailingmoe", "bailingmoe2", "bailingmoe3", "dots1", "afmoe",
    "ernie4_5-moe", "hunyuan-moe", "hy_v3", "hy_v4", "gpt-oss", "lfm2moe", "smallthinker", "llada-moe",
    "grovemoe", "minimax-01", "minimax-m2", "minimax-m3", "rnd1", "mimo2", "kimi-linear", "kimi-k3",
    "glm5-next", "step35", "mistral4", "mellum", "laguna", "maple", "granitemoe", "nomic-bert-moe", "nemotron_h_moe",
)  # fmt: skip
_WINDOW_LISTED = (
    "cohere2moe", "mimo2", "step35", "spark2_5", "muse-glimmer", "granite_swa", "dots3note", "maple", "gemma4",
    "gemma4-assistant",
)  # fmt: skip
_WKV = ("rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7")
_KDA = ("kimi-linear", "bailingmoe3", "kimi-k3", "glm5-next")
_STATE_SPACE = (
    "mamba", "mamba2", "jamba", "plamo2", "falcon-h1", "granitehybrid", "nemotron_h", "nemotron_h_moe", "qwen3next",
    "qwen35", "qwen35moe", "qwen4exp", "minimax-01",
)  # fmt: skip
_EMBEDDINGS = ("qwen4exp", "glm5-next")  # with hyper-connections and per-layer n-gram embeddings
_HEADS = {
    "llama": (4, 2), "qwen2": (4, 2), "qwen3": (4, 1), "muse-glimmer": (4, 2), "afmoe": (4, 2), "gemma3n": (1, 1),
    "gemma3": (4, 2), "gemma2": (4, 2), "gpt-oss": (4, 2), "olmo2": (4, 2), "llama4": (4, 2), "gemma4": (4, 2),
    "cohere2": (4, 2), "qwen3moe": (4, 2), "deepseek4": (8, 1), **dict.fromkeys(_MLA, (1, 1)),
}  # fmt: skip
_WIDTHS = {"gemma3n": 64, "step35": 160, "laguna": 160, "deepseek4": 512, **dict.fromkeys(_MLA, 128)}
_LAYERS = {"gemma4": 6, "gemma3n": 24, "nemotron_h": 6, "nemotron_h_moe": 6, "hrm_text": 6, "eagle3": 1}


def keys_of(name: str) -> Mapping[str, Any]:
    """The keys of one architecture, without its prefix; those with a dot in front are the file's own."""
    width = _WIDTHS.get(name, 256)
    heads, kv_heads = _HEADS.get(name, (2, 2))
    layers = _LAYERS.get(name, 4)
    wide = width * 3 // 2 if name != "deepseek4" else 1024
    found: dict[str, Any] = {
        "vocab_size": VOCABULARY if name != "qwen3tts" else 3072, "context_length": TRAINED_CONTEXT,
        "embedding_length": width, "features_length": width, "block_count": layers, "leading_dense_block_count": 1,
        "feed_forward_length": wide, "use_parallel_residual": False, "logit_scale": 1.0, "time_mix_extra_dim": 64,
        "time_decay_extra_dim": 128, "full_attention_interval": 2, "attention.max_alibi_bias": 8.0,
        "attention.head_count": heads, "attention.head_count_kv": kv_heads, "attention.clamp_kqv": 1.0,
        "attention.layer_norm_epsilon": 1e-5, "attention.layer_norm_rms_epsilon": 1e-5,
        "attention.group_norm_epsilon": 1e-5, "attention.group_norm_groups": 8, "attention.q_lora_rank": 512,
        "attention.kv_lora_rank": 512, "attention.relative_buckets_count": 8, "attention.sliding_window": 1024,
        "attention.sliding_window_pattern": 2, "attention.indexer.head_count": 64,
        "attention.indexer.key_length": 128, "attention.indexer.top_k": 131072, "attention.indexer.block_size": 4,
        "attention.indexer.kpool": 4, "attention.indexer.kpool_select_tail": True,
        "attention.indexer.local_blocks": 1, "rope.dimension_sections": [width // heads // 4] * 4,
        "posnet.embedding_length": width, "posnet.block_count": layers, "convnext.embedding_length": width,
        "convnext.block_count": layers, "residual_scale": 3.5,
        "attn_res.block_size": 12, "activation.situ_beta": 4.0, "activation.situ_linear_beta": 25.0,
        "attention.decay_lora_rank": 64, "attention.iclr_lora_rank": 64, "attention.gate_lora_rank": 64,
        "attention.value_residual_mix_lora_rank": 64, ".tokenizer.ggml.token_type_count": 2, ".xielu.alpha_n": 1.0,
        ".xielu.alpha_p": 1.0, ".xielu.beta": 1.0, ".xielu.eps": 1e-7,
    }  # fmt: skip
    if name in _EXPERTS:
        found |= {
            "expert_feed_forward_length": wide, "expert_shared_feed_forward_length": wide // 2,
            "expert_latent_length": wide, "interleave_moe_layer_step": 2, "expert_count": 4, "expert_used_count": 2,
            "expert_shared_count": 1, "expert_gating_func": 2, "expert_group_scale": 1.0, "experts_per_group": 1,
            "moe_every_n_layers": 2,
        }  # fmt: skip
    if name in _WKV:
        found |= {"wkv.head_size": width // heads, "token_shift_count": 1 if name in ("rwkv6qwen2", "arwkv7") else 2}
    if name in _KDA:
        found |= {"ssm.conv_kernel": 4, "kda.head_dim": 128, "kda.safe_gate": True, "kda.gate_lower_bound": -5.0}
    if name in _STATE_SPACE:
        found |= {
            "ssm.inner_size": 2 * width, "ssm.conv_kernel": 4, "ssm.state_size": 128, "ssm.time_step_rank": heads,
            "ssm.group_count": 2,
        }  # fmt: skip
    if name in _MLA:
        found |= _latent(name)
    if name in _HYBRID_BY_HEADS:
        each = [0 if layer % 2 else heads for layer in range(layers)]
        found["attention.head_count_kv"] = each
        if name != "glm5-next":
            found["attention.head_count"] = each
    if name in _WINDOW_LISTED:
        found["attention.sliding_window_pattern"] = [layer % 2 for layer in range(layers)]
    if name in _EMBEDDINGS:
        found |= _hyper_connected(width, layers, found["vocab_size"])
    return found | _own(name, width, wide, heads, layers)


def _latent(name: str) -> dict[str, Any]:
    rotated = name != "glm5-next"
    return {
        "attention.key_length": 576 if rotated else 512, "attention.value_length": 512,
        "rope.dimension_count": 64 if rotated else 0,
        "attention.key_length_mla": 192, "attention.value_length_mla": 128,
    }  # fmt: skip


def _hyper_connected(width: int, layers: int, vocabulary: int) -> dict[str, Any]:
    heads = 4
    return {
        "hyper_connection.count": 4, "hyper_connection.sinkhorn_iterations": 2, "hyper_connection.epsilon": 1e-6,
        "hyper_connection.low_rank": 8, "attention.compress_ratios": [4] * layers, "ple.layers": [0],
        "ple.ngram_size": 3, "ple.heads_per_ngram": 2, "ple.conv_kernel": 4, "ple.eos_token_id": 0,
        "embedding_length_per_layer_input": width // heads, "ple.layer_multipliers": Long([1, 3, 5]),
        "ple.head_offsets": Long([vocabulary * head for head in range(heads)]),
        "ple.head_vocab_sizes": Long([vocabulary] * heads),
    }  # fmt: skip


class Long(list[int]):
    """Numbers of 64 bits."""


def _own(name: str, width: int, wide: int, heads: int, layers: int) -> dict[str, Any]:
    """What only this architecture is asked for, or otherwise than all others."""
    full_indexer = [0 if layer % 2 else 1 for layer in range(layers)]
    length = width // heads
    match name:
        case "nemotron_h" | "nemotron_h_moe":
            kinds = [(heads, 0), (0, 0), (heads, wide)] * 2  # attention, recurrent, feed-forward
            return {
                "attention.head_count": [kv for kv, _ in kinds], "attention.head_count_kv": [kv for kv, _ in kinds],
                "feed_forward_length": [hidden for _, hidden in kinds], "attention.key_length": length,
                "attention.value_length": length,
            }  # fmt: skip
        case "gemma4" | "gemma4-assistant":
            return {
                "embedding_length_per_layer_input": width // 2, "attention.shared_kv_layers": 0,
                "attention.key_length": length, "attention.value_length": length,
                "attention.key_length_swa": length, "attention.value_length_swa": length,
                "rope.freq_base_swa": 10000.0, "rope.dimension_count_swa": length, "embedding_length_out": 2 * width,
            }  # fmt: skip
        case "deepseek4":
            return {
                "attention.key_length": length, "attention.value_length": length, "rope.dimension_count": length // 2,
                "attention.q_lora_rank": 64, "attention.output_group_count": 8, "attention.output_lora_rank": 32,
                "attention.compress_ratios": [0, 0, 4, 128], "attention.compress_rope_freq_base": 160000.0,
                "hyper_connection.count": 4, "hyper_connection.sinkhorn_iterations": 2,
                "hyper_connection.epsilon": 1e-6, "hash_layer_count": 0, "swiglu_clamp_exp": 10.0,
                "expert_weights_scale": 1.0, "expert_weights_norm": True, "expert_gating_func": 4,
            }  # fmt: skip
        case "dots3note":
            return {
                "attention.kv_lora_rank_swa": 512, "attention.key_length_swa": 576, "attention.value_length_swa": 512,
                "attention.key_length_mla_swa": 192, "attention.value_length_mla_swa": 128,
                "rope.freq_base_swa": 10000.0, "attention.indexer.types": full_indexer,
            }  # fmt: skip
        case "hy_v4":
            return {
                "hyper_connection.count": 4, "hyper_connection.epsilon": 1e-6, "hyper_connection.magnitude": 2.0,
                "swiglu_clamp_exp": 10.0, "expert_weights_scale": 1.0, "expert_weights_norm": True,
                "attention.indexer.types": full_indexer,
            }  # fmt: skip
        case "minimax-m3":
            return {"rope.dimension_count": 64, "attention.indexer.head_count": heads}
        case "qwen3next" | "qwen35" | "qwen35moe":
            return {"ssm.inner_size": 256}
        case "qwen4exp":
            return {"ssm.inner_size": 256, "attention.indexer.key_length": length}
        case "plamo2":
            return {"ssm.group_count": 0}
        case "bailingmoe3":
            clamps = [0.0, 4.0, 0.0, 4.0]
            return {
                "rope.dimension_sections": [8, 12, 12, 0], "swiglu_clamp_exp": clamps, "swiglu_clamp_shexp": clamps,
            }  # fmt: skip
        case "hrm_text":
            return {"hrm.layers_per_stack": 1, "hrm.h_cycles": 2, "hrm.l_cycles": 2}
        case "gemma3n":
            return {"embedding_length_per_layer_input": 256}
        case "mamba" | "mamba2":
            return {"feed_forward_length": 0}
        case "minicpm3" | "plm":
            return {"attention.key_length": 96, "attention.value_length": 64, "rope.dimension_count": 32}
        case "lfm2" | "lfm2moe":
            return {"shortconv.l_cache": 3}
        case "maple":
            return {"swiglu_clamp_exp": 7.0}
        case "graniteswitch":
            return {
                "adapters.count": 1, "adapters.lora_rank": 8, "adapters.token_ids_activate": [5],
                "adapters.token_ids_substitute": [6],
            }  # fmt: skip
        case "eagle3" | "dflash":
            return {
                "attention.sliding_window_pattern": [layer % 2 for layer in range(layers)], "target_layers": [0, 1, 2],
                "target_hidden_size": width, "block_size": 4,
            }  # fmt: skip
    return {}
