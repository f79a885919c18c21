"""Headers of models without a KV cache, or with a part that has none: encoders, text diffusion, encoder-decoders.

Small sizes; tensor names and dimensions follow llama.cpp ``src/models/*.cpp`` (load_arch_tensors).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from support.forge_header import Forged

_LAYERS, _WIDTH, _HIDDEN, _HEADS, _KV_HEADS, _LENGTH, _WORDS = 4, 512, 1024, 8, 2, 64, 4096
_TRAINED = 2048
_EXPERTS = 8


def _model(name: str, kv_heads: int, **more: Any) -> Forged:
    keys = {
        "block_count": _LAYERS, "context_length": _TRAINED, "embedding_length": _WIDTH, "feed_forward_length": _HIDDEN,
        "attention.head_count": _HEADS, "attention.head_count_kv": kv_heads, "attention.layer_norm_rms_epsilon": 1e-5,
        "attention.layer_norm_epsilon": 1e-5, "rope.freq_base": 10000.0, "tokenizer.ggml.token_type_count": 2,
        **{key.replace("__", "."): value for key, value in more.items()},
    }  # fmt: skip
    return Forged(name, _WORDS, keys)


def _attention(model: Forged, i: int, kv_heads: int, *, fused: bool = False, normed: bool = False) -> None:
    kv = kv_heads * _LENGTH
    if fused:
        model.block(i, attn_qkv=(_WIDTH, _WIDTH + 2 * kv))
    else:
        model.block(i, attn_q=(_WIDTH, _WIDTH), attn_k=(_WIDTH, kv), attn_v=(_WIDTH, kv))
    model.block(i, attn_output=(_WIDTH, _WIDTH))
    if normed:
        model.block(i, attn_q_norm=(_LENGTH,), attn_k_norm=(_LENGTH,))


def _forward(model: Forged, i: int, *, gated: bool, up: int = _HIDDEN) -> None:
    model.block(i, ffn_up=(_WIDTH, up), ffn_down=(_HIDDEN, _WIDTH))
    if gated:
        model.block(i, ffn_gate=(_WIDTH, _HIDDEN))


def _experts(model: Forged, i: int, *, gated: bool) -> None:
    model.block(
        i, ffn_gate_inp=(_WIDTH, _EXPERTS), ffn_up_exps=(_WIDTH, _HIDDEN, _EXPERTS),
        ffn_down_exps=(_HIDDEN, _WIDTH, _EXPERTS),
    )  # fmt: skip
    if gated:
        model.block(i, ffn_gate_exps=(_WIDTH, _HIDDEN, _EXPERTS))


def _bert(name: str, *, gated: bool = False, routed: bool = False) -> Forged:
    """BERT and what is built like it: norms behind attention and feed-forward part."""
    more = {"moe_every_n_layers": 2, "expert_count": _EXPERTS, "expert_used_count": 2} if routed else {}
    model = _model(name, _HEADS, pooling_type=1, **more)
    model.add("token_embd", _WIDTH, _WORDS)
    model.add("token_types", _WIDTH, 2)
    if name == "bert":
        model.add("position_embd", _WIDTH, _TRAINED)
    model.add("token_embd_norm", _WIDTH)
    model.add("token_embd_norm.bias", _WIDTH)
    for i in range(_LAYERS):
        _attention(model, i, _HEADS, fused=name in ("nomic-bert", "nomic-bert-moe", "jina-bert-v3"))
        model.block(
            i, attn_output__bias=(_WIDTH,), attn_output_norm=(_WIDTH,), attn_output_norm__bias=(_WIDTH,),
            layer_output_norm=(_WIDTH,), layer_output_norm__bias=(_WIDTH,),
        )  # fmt: skip
        if routed and i % 2 == 1:
            _experts(model, i, gated=False)
            continue
        _forward(model, i, gated=gated)
        model.block(i, ffn_up__bias=(_HIDDEN,), ffn_down__bias=(_WIDTH,))
    return model


def bert() -> Forged:
    return _bert("bert")


def nomic_bert() -> Forged:
    return _bert("nomic-bert", gated=True)


def nomic_bert_moe() -> Forged:
    return _bert("nomic-bert-moe", routed=True)


def jina_bert_v2() -> Forged:
    return _bert("jina-bert-v2", gated=True)


def jina_bert_v3() -> Forged:
    return _bert("jina-bert-v3")


def _normed_first(
    name: str,
    kv_heads: int = _KV_HEADS,
    *,
    fused: bool = False,
    normed: bool = False,
    up: int = 0,
    experts: int = 0,
    **more: Any,
) -> Forged:
    """A norm before attention and before the feed-forward part; ``up`` is the width of a fused gate and up."""
    if experts:
        more |= {"expert_count": experts, "expert_used_count": 2, "expert_feed_forward_length": _HIDDEN}
    model = _model(name, kv_heads, **more)
    model.add("token_embd", _WIDTH, _WORDS)
    model.add("output_norm" if name != "neo-bert" else "enc.output_norm.weight", _WIDTH)
    for i in range(_LAYERS):
        model.block(i, attn_norm=(_WIDTH,), ffn_norm=(_WIDTH,))
        _attention(model, i, kv_heads, fused=fused, normed=normed)
        if experts:
            _experts(model, i, gated=True)
        else:
            _forward(model, i, gated=not up, up=up or _HIDDEN)
    return model


def generic(name: str, experts: int = 0, **keys: Any) -> Forged:
    """A model of any architecture's name, its tensors those of a plain one."""
    return _normed_first(name, experts=experts, **keys)


def neo_bert() -> Forged:
    return _normed_first("neo-bert", fused=True, up=2 * _HIDDEN)


def eurobert() -> Forged:
    return _normed_first("eurobert")


def modern_bert() -> Forged:
    model = _normed_first("modern-bert", _HEADS, fused=True, up=2 * _HIDDEN, attention__sliding_window=128)
    model.add("token_embd_norm", _WIDTH)
    return model


def gemma_embedding() -> Forged:
    model = _normed_first(
        "gemma-embedding", normed=True, attention__sliding_window=512, attention__key_length=_LENGTH,
        attention__value_length=_LENGTH, pooling_type=1,
    )  # fmt: skip
    for i in range(_LAYERS):
        model.block(i, post_attention_norm=(_WIDTH,), post_ffw_norm=(_WIDTH,))
    return model


def llama_embed() -> Forged:
    return _normed_first("llama-embed", pooling_type=1)


def dream() -> Forged:
    return _normed_first("dream")


def llada() -> Forged:
    return _normed_first("llada")


def llada_moe() -> Forged:
    model = _normed_first("llada-moe", normed=True, experts=_EXPERTS)
    model.add("output", _WIDTH, _WORDS)
    return model


def rnd1() -> Forged:
    return _normed_first("rnd1", normed=True, experts=_EXPERTS)


def _t5(name: str, decoder_layers: int) -> Forged:
    more = {"decoder_block_count": decoder_layers} if decoder_layers else {}
    model = _model(
        name, _HEADS, attention__relative_buckets_count=32, attention__key_length=_LENGTH,
        attention__value_length=_LENGTH, decoder_start_token_id=0, **more,
    )  # fmt: skip
    model.add("token_embd", _WIDTH, _WORDS)
    model.add("enc.output_norm.weight", _WIDTH)
    stacks: list[tuple[str, int, tuple[str, ...]]] = [("enc", _LAYERS, ("attn",))]
    if decoder_layers:
        model.add("dec.output_norm.weight", _WIDTH)
        stacks.append(("dec", decoder_layers, ("attn", "cross_attn")))
    for stack, layers, attentions in stacks:
        for i in range(layers):
            at = f"{stack}.blk.{i}"
            for attention in attentions:
                model.add(f"{at}.{attention}_norm.weight", _WIDTH)
                for part in "qkvo":
                    model.add(f"{at}.{attention}_{part}.weight", _WIDTH, _WIDTH)
            model.add(f"{at}.ffn_norm.weight", _WIDTH)
            model.add(f"{at}.ffn_up.weight", _WIDTH, _HIDDEN)
            model.add(f"{at}.ffn_gate.weight", _WIDTH, _HIDDEN)
            model.add(f"{at}.ffn_down.weight", _HIDDEN, _WIDTH)
        model.tensors.append((f"{stack}.blk.0.attn_rel_b.weight", (_HEADS, 32), "F32"))
    return model


def t5() -> Forged:
    return _t5("t5", _LAYERS)


def t5encoder() -> Forged:
    return _t5("t5encoder", 0)


CACHELESS: tuple[Callable[[], Forged], ...] = (
    bert, nomic_bert, nomic_bert_moe, jina_bert_v2, jina_bert_v3, neo_bert, eurobert, modern_bert, gemma_embedding,
    dream, llada, llada_moe, rnd1, t5encoder,
)  # fmt: skip
