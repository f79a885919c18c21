"""Folders of safetensors as models are published: out of a GGUF of Llama's kind, or a few numbers where any will do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desktop.core.gguf import Header, read_header
from desktop.engine.tools.dequantize import dequantize
from desktop.store.gguf_files import FileSource

_NAMES = {
    "token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head",
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}  # fmt: skip
_CONTROL = 3  # tokenizer.ggml.token_type


def write_safetensors(path: Path, tensors: Mapping[str, NDArray[Any]]) -> Path:
    """The format by hand: eight bytes of length, JSON, the numbers."""
    kinds = {"float16": "F16", "float32": "F32"}
    entries, at = {}, 0
    for name, values in tensors.items():
        entries[name] = {
            "dtype": kinds[values.dtype.name], "shape": list(values.shape), "data_offsets": [at, at + values.nbytes],
        }  # fmt: skip
        at += values.nbytes
    header = json.dumps({"__metadata__": {"format": "pt"}, **entries}).encode()
    header += b" " * (-len(header) % 8)
    with path.open("wb") as stream:
        stream.write(len(header).to_bytes(8, "little") + header)
        for values in tensors.values():
            stream.write(np.ascontiguousarray(values).tobytes())
    return path


def small_folder(folder: Path, *, config: Mapping[str, Any] | None = None, rows: int = 64) -> Path:
    """One matrix and one norm in F16 and F32, with a config: enough for all but the converter itself."""
    folder.mkdir(parents=True, exist_ok=True)
    own = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": rows, "hidden_size": 32}
    (folder / "config.json").write_text(json.dumps({**own, **(config or {})}))
    (folder / "tokenizer.json").write_text("{}")
    matrix, norm = np.ones((rows, 32), np.float16), np.ones(32, np.float32)
    write_safetensors(folder / "model.safetensors", {"model.embed_tokens.weight": matrix, "model.norm.weight": norm})
    return folder


def folder_of(gguf: Path, folder: Path) -> Path:
    """The model of a GGUF file, with its tokenizer, as its makers would have published it in F16."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileSource(gguf) as source:
        header = read_header(source)
        data = gguf.read_bytes()
        tensors = {}
        for tensor in header.tensors:
            start = header.position(tensor)
            raw = data[start : start + (tensor.size_bytes or 0)]
            values = dequantize(tensor.type_id, raw).astype(np.float32).reshape(tuple(reversed(tensor.shape)))
            tensors[_name(tensor.name)] = _unpermuted(tensor.name, values, header).astype(np.float16)
        write_safetensors(folder / "model.safetensors", tensors)
        (folder / "config.json").write_text(json.dumps(_config(header, "lm_head.weight" not in tensors)))
        _write_tokenizer(header, folder)
    return folder


def _name(name: str) -> str:
    parts = name.removesuffix(".weight").split(".")
    own = f"{_NAMES[parts[-1]]}.weight"
    return f"model.layers.{parts[1]}.{own}" if parts[0] == "blk" else own


def _unpermuted(name: str, values: NDArray[np.float32], header: Header) -> NDArray[np.float32]:
    """llama.cpp's converter interleaves the halves of each head of Q and K (conversion/llama.py, permute)."""
    heads = {"attn_q": "head_count", "attn_k": "head_count_kv"}.get(name.split(".")[-2])
    if heads is None:
        return values
    count = _number(header, f"llama.attention.{heads}")
    split = values.reshape(count, values.shape[0] // count // 2, 2, *values.shape[1:])
    return np.ascontiguousarray(split.swapaxes(1, 2)).reshape(values.shape)


def _number(header: Header, key: str) -> Any:
    return header.metadata[key].data


def _config(header: Header, tied: bool) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": _number(header, "llama.embedding_length"),
        "intermediate_size": _number(header, "llama.feed_forward_length"),
        "num_hidden_layers": _number(header, "llama.block_count"),
        "num_attention_heads": _number(header, "llama.attention.head_count"),
        "num_key_value_heads": _number(header, "llama.attention.head_count_kv"),
        "max_position_embeddings": _number(header, "llama.context_length"),
        "rms_norm_eps": _number(header, "llama.attention.layer_norm_rms_epsilon"),
        "rope_theta": _number(header, "llama.rope.freq_base"),
        "vocab_size": _number(header, "llama.vocab_size"),
        "tie_word_embeddings": tied,
        "torch_dtype": "float16",
        "bos_token_id": 1,
        "eos_token_id": 2,
    }


def _write_tokenizer(header: Header, folder: Path) -> None:
    texts = [str(text) for text in _number(header, "tokenizer.ggml.tokens")]
    kinds = list(_number(header, "tokenizer.ggml.token_type"))
    merges = [str(text) for text in _number(header, "tokenizer.ggml.merges")]
    added = [
        {
            "id": number, "content": text, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": True,
        }
        for number, (text, kind) in enumerate(zip(texts, kinds, strict=True)) if kind == _CONTROL
    ]  # fmt: skip
    tokenizer = {
        "version": "1.0",
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Digits", "individual_digits": True},
                {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
            ],
        },
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
            "vocab": {text: number for number, text in enumerate(texts)}, "merges": merges,
        },
    }  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")
    own = {
        "tokenizer_class": "GPT2Tokenizer", "bos_token": texts[1], "eos_token": texts[2], "unk_token": texts[0],
        "pad_token": texts[2], "add_prefix_space": False, "clean_up_tokenization_spaces": False,
        "model_max_length": 8192, "chat_template": str(_number(header, "tokenizer.chat_template")),
        "added_tokens_decoder": {str(one["id"]): {k: v for k, v in one.items() if k != "id"} for one in added},
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(own, ensure_ascii=False), encoding="utf-8")
