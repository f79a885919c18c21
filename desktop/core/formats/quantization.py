"""How a Transformers or MLX folder says that its weights are quantized: method, bits, groups, in facts.

Field names: Transformers src/transformers/utils/quantization_config.py; AutoGPTQ quantize_config.json; AutoAWQ
quant_config.json; ExLlamaV2 and V3 conversion; mlx-lm utils.py; NVIDIA Model Optimizer hf_quant_config.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from desktop.core.formats.summary import Fact
from desktop.core.text import one_line

_METHODS = {
    "gptq": "gptq",
    "awq": "awq",
    "exl2": "exl2",
    "exl3": "exl3",
    "bitsandbytes": "bitsandbytes",
    "bitsandbytes_4bit": "bitsandbytes",
    "bitsandbytes_8bit": "bitsandbytes",
    "fp8": "fp8",
    "fbgemm_fp8": "fp8",
    "compressed-tensors": "compressed-tensors",
    "mxfp4": "mxfp4",
    "modelopt": "nvfp4",
}

# Field of a configuration, and what people call it; several libraries use several names for one thing.
_FIELDS = (
    ("bits", "Bits"),
    ("w_bit", "Bits"),
    ("weight_bits", "Bits"),
    ("group_size", "Group size"),
    ("q_group_size", "Group size"),
    ("desc_act", "Act order (desc_act)"),
    ("sym", "Symmetric"),
    ("zero_point", "Zero point"),
    ("version", "Version"),
    ("checkpoint_format", "Layout"),
    ("format", "Layout"),
    ("fmt", "Number format"),
    ("weight_block_size", "Block"),
    ("activation_scheme", "Activation scales"),
    ("head_bits", "Bits of the output head"),
    ("mode", "Mode"),
    ("quant_algo", "Algorithm"),
    ("bnb_4bit_quant_type", "4-bit type"),
    ("bnb_4bit_use_double_quant", "Scales quantized too"),
    ("bnb_4bit_compute_dtype", "Computed in"),
    ("llm_int8_threshold", "Outlier threshold"),
)


@dataclass(frozen=True)
class Quantization:
    """The catalog id of the method, and its settings as facts."""

    id: str
    facts: tuple[Fact, ...]


def quantization_of(config: Mapping[str, Any], sidecars: Mapping[str, Mapping[str, Any]]) -> Quantization | None:
    """The quantization that config.json or one of the ``sidecars`` (file name: content) tells; None for none."""
    settings = config.get("quantization_config")
    method = settings.get("quant_method") if isinstance(settings, dict) else None
    if isinstance(settings, dict) and isinstance(method, str):
        return Quantization(_METHODS.get(method, "quantized-other"), _facts(settings, method))
    for name, id in (("quantize_config.json", "gptq"), ("quant_config.json", "awq")):
        if name in sidecars:
            return Quantization(id, _facts(sidecars[name], id.upper()))
    if "hf_quant_config.json" in sidecars:
        inner = sidecars["hf_quant_config.json"].get("quantization")
        return Quantization("nvfp4", _facts(inner if isinstance(inner, dict) else {}, "Model Optimizer"))
    mlx = config.get("quantization")
    if isinstance(mlx, dict):
        return Quantization("mlx", _facts(mlx, "MLX"))
    return None


def _facts(settings: Mapping[str, Any], method: str) -> tuple[Fact, ...]:
    found = {"Method": one_line(method, 60)}
    if settings.get("load_in_4bit") is True:
        found["Bits"] = "4"
    elif settings.get("load_in_8bit") is True:
        found["Bits"] = "8"
    for field, label in _FIELDS:
        if settings.get(field) is not None and label not in found:
            found[label] = _words(settings[field])
    found.update(_groups(settings.get("config_groups")))
    return tuple(Fact(label, value) for label, value in found.items())


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and len(value) <= 4:
        return " x ".join(one_line(item, 20) for item in value)
    if value == -1:
        return "whole row"
    return f"{value:g}" if isinstance(value, float) else one_line(value, 60)


def _groups(groups: object) -> dict[str, str]:
    """What compressed-tensors says of the weights of its first group of layers."""
    first = next(iter(groups.values()), None) if isinstance(groups, dict) else None
    weights = first.get("weights") if isinstance(first, dict) else None
    if not isinstance(weights, dict):
        return {}
    labels = (("num_bits", "Bits"), ("type", "Number format"), ("strategy", "Scales per"), ("group_size", "Group size"))
    return {label: _words(weights[field]) for field, label in labels if weights.get(field) is not None}
