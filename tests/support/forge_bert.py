"""Small BERT files that the engine runs: a real vocabulary, random weights; for embeddings, or as a reranker."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

_WIDTH, _HIDDEN, _HEADS, _CONTEXT = 64, 128, 2, 128
WIDTH = _WIDTH
_MEAN, _RANK = 1, 4  # include/llama.h, llama_pooling_type


def forge_bert(path: Path, vocabulary: Path, *, ranks: bool = False) -> Path:
    """``vocabulary`` is a file of a BERT's (ggml-vocab-bert-bge.gguf). Equal texts get equal vectors, others do not."""
    reader = gguf.GGUFReader(vocabulary)
    known = {name: field.contents() for name, field in reader.fields.items() if name.startswith("tokenizer.")}
    tokens = list(known["tokenizer.ggml.tokens"])
    random = np.random.default_rng(3)
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_name("Forged BERT")
    writer.add_context_length(_CONTEXT)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(_HIDDEN)
    writer.add_head_count(_HEADS)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType(_RANK if ranks else _MEAN))
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre(str(known.get("tokenizer.ggml.pre", "default")))
    writer.add_token_list(tokens)
    writer.add_token_types(list(known["tokenizer.ggml.token_type"]))
    writer.add_token_type_count(2)
    for name in ("bos", "eos", "unknown", "seperator", "padding", "cls", "mask"):
        number = known.get(f"tokenizer.ggml.{name}_token_id")
        if number is not None:
            writer.add_uint32(f"tokenizer.ggml.{name}_token_id", int(number))

    def add(name: str, *shape: int, bias: bool = True, norm: bool = False) -> None:
        weight = np.ones(shape) if norm else random.standard_normal(shape) * 0.3
        writer.add_tensor(f"{name}.weight", weight.astype(np.float32))
        if bias:
            writer.add_tensor(f"{name}.bias", np.zeros(shape[0], np.float32))

    add("token_embd", len(tokens), _WIDTH, bias=False)
    add("token_types", 2, _WIDTH, bias=False)
    add("position_embd", _CONTEXT, _WIDTH, bias=False)
    add("token_embd_norm", _WIDTH, norm=True)
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        add(f"blk.0.{name}", _WIDTH, _WIDTH)
    add("blk.0.ffn_up", _HIDDEN, _WIDTH)
    add("blk.0.ffn_down", _WIDTH, _HIDDEN)
    for name in ("attn_output_norm", "layer_output_norm"):
        add(f"blk.0.{name}", _WIDTH, norm=True)
    if ranks:
        add("cls", _WIDTH, _WIDTH)
        add("cls.output", 1, _WIDTH)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
