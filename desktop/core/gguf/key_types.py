"""The types in which the engine takes metadata; it refuses a file that has a key in another type.

Source: llama.cpp 0c1e57098, ``src/llama-model-loader.cpp`` (GGUFMeta::GKV, get_key: one type per key, nothing is
converted), ``src/llama-model.cpp`` (load_hparams) and ``src/llama-vocab.cpp``. Only keys that it reads
for every architecture, and that are no arrays: the engine's own plan finds the others.
"""

from __future__ import annotations

from collections.abc import Iterable

from desktop.core.findings import Finding
from desktop.core.gguf.header import Header
from desktop.core.gguf.values import ValueType
from desktop.core.words import tr

_OTHER_FILE = "Look for another or a newer file of this model."
_TOKENS = (
    "bos eos eot eom unknown seperator padding mask fim_pre fim_suf fim_mid fim_pad fim_rep fim_sep "
    "prefix suffix middle"
)
TOKEN_KEYS = tuple(f"tokenizer.ggml.{name}_token_id" for name in _TOKENS.split())
_GENERAL: dict[ValueType, tuple[str, ...]] = {
    ValueType.STRING: ("general.architecture", "general.name", "tokenizer.ggml.model", "tokenizer.ggml.pre"),
    ValueType.UINT32: ("general.file_type", "tokenizer.ggml.token_type_count", *TOKEN_KEYS),
    ValueType.UINT16: ("split.count",),
    ValueType.BOOL: tuple(
        f"tokenizer.ggml.{name}"
        for name in (
            "add_bos_token", "add_eos_token", "add_sep_token", "add_space_prefix", "remove_extra_whitespaces",
            "normalizer.lowercase", "normalizer.strip_accents",
        )
    ),
}  # fmt: skip
_OF_SPLITS = (("split.no", ValueType.UINT16), ("split.tensors.count", ValueType.INT32))  # read where there are several
_OF_ARCHITECTURES: dict[ValueType, tuple[str, ...]] = {
    ValueType.UINT32: (
        "context_length", "embedding_length", "embedding_length_out", "block_count", "nextn_predict_layers",
        "expert_count", "expert_group_count", "expert_group_used_count", "pooling_type",
        "rope.scaling.original_context_length",
    ),
    ValueType.FLOAT32: ("rope.freq_base",),
    ValueType.BOOL: ("attention.causal", "rope.scaling.finetuned"),
    ValueType.STRING: ("rope.scaling.type",),
}  # fmt: skip


def check_key_types(header: Header) -> Iterable[Finding]:
    """Keys whose type the engine does not take, as errors."""
    name = header.architecture
    wanted = [(key, kind) for kind, keys in _GENERAL.items() for key in keys]
    wanted += [(f"{name}.{end}", kind) for kind, ends in _OF_ARCHITECTURES.items() for end in ends]
    wanted += _OF_SPLITS if header.split is not None else ()
    for key, kind in wanted:
        value = header.metadata.get(key)
        if value is not None and value.type is not kind:
            yield Finding(
                "error",
                tr("{key} is stored as {name}; {name2} was expected.", key=key, name=value.type.name, name2=kind.name),
                tr("The engine takes this key in one type only and refuses the file."),
                _OTHER_FILE,
                value.offset,
                f"key:{key}",
            )
