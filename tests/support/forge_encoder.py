"""Whole small models that make vectors, or scores, of text: BERT with a real vocabulary and nonsense weights."""

from __future__ import annotations

from pathlib import Path

from support.forge import Value, vocabulary, write

VOCABULARY = "ggml-vocab-bert-bge.gguf"
WIDTH, LAYERS, TRAINED = 256, 2, 512
_HIDDEN, _HEADS = 512, 4
_RANK, _MEAN = 4, 1
_U32, _F32, _BOOL, _STRING = 4, 6, 7, 8


def forge_encoder(path: Path, vocab_dir: Path, *, ranks: bool = False) -> Path:
    """A model that gives ``WIDTH`` numbers for a text, or with ``ranks`` a score for a pair of texts."""
    words = vocabulary(vocab_dir / VOCABULARY)
    count = words["tokenizer.ggml.tokens"].length
    whole = {
        "block_count": LAYERS, "context_length": TRAINED, "embedding_length": WIDTH, "feed_forward_length": _HIDDEN,
        "attention.head_count": _HEADS, "pooling_type": _RANK if ranks else _MEAN,
    }  # fmt: skip
    entries = {
        "general.architecture": Value(_STRING, "bert"),
        "bert.attention.layer_norm_epsilon": Value(_F32, 1e-12),
        "bert.attention.causal": Value(_BOOL, False),
        **{f"bert.{key}": Value(_U32, value) for key, value in whole.items()},
        **words,
        "tokenizer.ggml.token_type_count": Value(_U32, 2),
    }
    parts: list[tuple[str, tuple[int, ...], str]] = [
        ("token_embd.weight", (WIDTH, count), "Q8_0"),
        ("token_types.weight", (WIDTH, 2), "F32"),
        ("position_embd.weight", (WIDTH, TRAINED), "F32"),
        ("token_embd_norm.weight", (WIDTH,), "F32"),
        ("token_embd_norm.bias", (WIDTH,), "F32"),
    ]
    for i in range(LAYERS):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            parts += [(f"blk.{i}.{name}.weight", (WIDTH, WIDTH), "Q8_0"), (f"blk.{i}.{name}.bias", (WIDTH,), "F32")]
        for name in ("attn_output_norm", "layer_output_norm"):
            parts += [(f"blk.{i}.{name}.weight", (WIDTH,), "F32"), (f"blk.{i}.{name}.bias", (WIDTH,), "F32")]
        parts += [
            (f"blk.{i}.ffn_up.weight", (WIDTH, _HIDDEN), "Q8_0"), (f"blk.{i}.ffn_up.bias", (_HIDDEN,), "F32"),
            (f"blk.{i}.ffn_down.weight", (_HIDDEN, WIDTH), "Q8_0"), (f"blk.{i}.ffn_down.bias", (WIDTH,), "F32"),
        ]  # fmt: skip
    if ranks:
        parts += [
            ("cls.weight", (WIDTH, WIDTH), "F32"), ("cls.bias", (WIDTH,), "F32"),
            ("cls.output.weight", (WIDTH, 1), "F32"), ("cls.output.bias", (1,), "F32"),
        ]  # fmt: skip
    return write(path, entries, parts)
