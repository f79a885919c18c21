"""What config.json and the model card say: architecture, sizes, base model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from desktop.core.formats.summary import Fact
from desktop.core.text import one_line
from desktop.core.words import tr

# Fields of Transformers configurations; several families have names of their own for one thing.
_FIELDS = (
    (("num_hidden_layers", "n_layer", "num_layers", "n_layers"), "Layers"),
    (("hidden_size", "n_embd", "d_model", "dim"), "Hidden size"),
    (("num_attention_heads", "n_head", "n_heads"), "Attention heads"),
    (("num_key_value_heads",), "Key and value heads"),
    (("num_local_experts", "num_experts", "n_routed_experts"), "Experts"),
    (("num_experts_per_tok", "moe_top_k"), "Experts per token"),
    (("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"), "Context length"),
    (("vocab_size",), "Vocabulary"),
)
_BYTES_PER_WEIGHT = {"float32": 4, "float16": 2, "bfloat16": 2, "float8_e4m3fn": 1}
_CARD_KEYS = ("base_model", "license", "pipeline_tag", "library_name", "base_model_relation")
_FRONT = re.compile(rb"^---\r?\n(.{0,65536}?)\r?\n---", re.DOTALL)
_REPOSITORY = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")


def config_facts(config: Mapping[str, Any]) -> tuple[Fact, ...]:
    """Architecture and sizes; those of the language model where a model has several parts."""
    inner = _language_part(config)
    architectures = config.get("architectures")
    name = architectures[0] if isinstance(architectures, list) and architectures else config.get("model_type")
    facts = [Fact(tr("Architecture"), one_line(name, 80))] if isinstance(name, str) else []
    for fields, label in _FIELDS:
        value = next((inner[field] for field in fields if type(inner.get(field)) is int), None)
        if value is not None and abs(value) < 1 << 63:
            facts.append(Fact(label, f"{value:,}"))
    dtype = dtype_of(config)
    return (*facts, Fact(tr("Stored in"), dtype)) if dtype else tuple(facts)


def _language_part(config: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in ("text_config", "llm_config"):
        part = config.get(key)
        if isinstance(part, dict):
            return part
    return config


def dtype_of(config: Mapping[str, Any]) -> str:
    """The type most weights are stored in, "" when the configuration does not say."""
    for settings in (config, _language_part(config)):
        for field in ("dtype", "torch_dtype"):
            if isinstance(settings.get(field), str):
                return one_line(settings[field], 40).removeprefix("torch.")
    return ""


def parameters_of(config: Mapping[str, Any], weight_bytes: int) -> int:
    """Parameters of unquantized weights of ``weight_bytes``; 0 when their type is unknown."""
    width = _BYTES_PER_WEIGHT.get(dtype_of(config), 0)
    return weight_bytes // width if width else 0


def model_card(data: bytes) -> dict[str, str]:
    """The few fields Heft shows of the YAML block that begins a model card; a list gives its first item."""
    block = _FRONT.match(data.removeprefix(b"\xef\xbb\xbf"))
    if block is None:
        return {}
    lines = block[1].decode("utf-8", "replace").splitlines()
    card = {}
    for at, line in enumerate(lines):
        key, colon, value = line.partition(":")
        if colon and key in _CARD_KEYS:
            item = lines[at + 1].strip() if not value.strip() and at + 1 < len(lines) else value.strip()
            card[key] = one_line(item.removeprefix("- ").strip("[]\"' ").split(",")[0].strip("\"' "), 120)
    return {key: value for key, value in card.items() if value}


def base_model_of(config: Mapping[str, Any], card: Mapping[str, str]) -> str:
    """OWNER/NAME of the model this one was made from; "" when nothing says."""
    for value in (config.get("base_model_name_or_path"), card.get("base_model"), config.get("_name_or_path")):
        if isinstance(value, str) and _REPOSITORY.fullmatch(value) and not value.startswith((".", "/")):
            return value
    return ""
