"""Which format a repo holds, told by its files, tags, library and quantization settings."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import PurePosixPath
from typing import Any

from desktop.hub.records import Format

# quant_method of config.json's quantization_config (transformers and compressed-tensors).
_METHODS: dict[str, Format] = {
    "awq": "AWQ",
    "gptq": "GPTQ",
    "exl2": "EXL2",
    "exl3": "EXL3",
    "fp8": "FP8",
    "fbgemm_fp8": "FP8",
    "bitsandbytes": "bitsandbytes",
    "bnb": "bitsandbytes",
}
_TAGS: dict[str, Format] = {
    "gguf": "GGUF",
    "safetensors": "safetensors",
    "awq": "AWQ",
    "gptq": "GPTQ",
    "exl2": "EXL2",
    "exl3": "EXL3",
    "fp8": "FP8",
    "bitsandbytes": "bitsandbytes",
    "mlx": "MLX",
    "onnx": "ONNX",
    "pytorch": "PyTorch",
}
_ENDINGS: dict[str, Format] = {
    ".gguf": "GGUF",
    ".safetensors": "safetensors",
    ".onnx": "ONNX",
    ".bin": "PyTorch",
    ".pth": "PyTorch",
}
# Formats that are stored in safetensors files: what matters is how the numbers in them are packed.
_PACKED: tuple[Format, ...] = ("AWQ", "GPTQ", "EXL2", "EXL3", "FP8", "bitsandbytes", "MLX")
_NAMED: tuple[tuple[str, Format], ...] = (
    ("awq", "AWQ"),
    ("gptq", "GPTQ"),
    ("exl2", "EXL2"),
    ("exl3", "EXL3"),
    ("fp8", "FP8"),
    ("bnb", "bitsandbytes"),
    ("mlx", "MLX"),
)


def filter_of(name: Format) -> str:
    """The Hub's tag for a format; "" when it has none."""
    return next((tag for tag, found in _TAGS.items() if found == name), "")


def formats_of(
    repo: str, tags: Collection[str], library: str, file_names: Iterable[str], config: dict[str, Any] | None
) -> tuple[Format, ...]:
    """The formats of a repo, the telling one first; empty when nothing tells.

    Settings and files say more than tags, tags more than the repo's name, which is only asked last.
    """
    endings = {PurePosixPath(name).suffix.lower() for name in file_names}
    found: list[Format] = [kind for ending, kind in _ENDINGS.items() if ending in endings]
    quantization = (config or {}).get("quantization_config")
    method = str(quantization.get("quant_method", "")).lower() if isinstance(quantization, dict) else ""
    if method in _METHODS:
        found.append(_METHODS[method])
    elif method == "compressed-tensors" and "float" in str(quantization):
        found.append("FP8")
    lowered = {tag.lower() for tag in tags}
    if library.lower() == "mlx" or "mlx" in lowered:
        found.append("MLX")
    found += [kind for tag, kind in _TAGS.items() if tag in lowered and (not endings or kind in _PACKED)]
    if "GGUF" not in found and not any(kind in found for kind in _PACKED):
        words = re.split(r"[-_./ ]+", repo.lower())
        found += [kind for word, kind in _NAMED if word in words]
    packed = [kind for kind in _PACKED if kind in found]
    plain = [kind for kind in dict.fromkeys(found) if kind not in _PACKED]
    if packed:
        # "8-bit" tags come with several methods; a repo is one of them, and its safetensors are only the container.
        plain = [kind for kind in plain if kind not in ("safetensors", "PyTorch")]
    if "GGUF" in plain:
        return ("GGUF", *(kind for kind in (*plain, *packed) if kind != "GGUF"))
    return (*packed, *plain)
