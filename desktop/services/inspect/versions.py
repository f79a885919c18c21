"""What to look for on the Hub to find the GGUF versions of a model that was opened in another format."""

from __future__ import annotations

import re
from pathlib import Path

from desktop.core.hub_address import hub_address
from desktop.services.inspect.inspected import Inspected

_NOT_MODELS = frozenset((
    "lfs-pointer", "html", "empty", "partial", "archive", "text", "unknown", "image", "program", "imatrix", "gguf-part",
    "gguf-folder", "llamafile", "tokenizer", "config", "numpy", "keras", "keras-hdf5", "hdf5", "savedmodel", "tflite",
))  # fmt: skip
# What says how it was stored, and not which model it is.
_STORED = re.compile(
    r"(?i)[-_. ](?:gptq|awq|exl[23]|bnb|marlin|hqq|aqlm|mlx|onnx|openvino|safetensors|pytorch|hf|quantized|"
    r"int[48]|[bn]?f(?:p|loat)?(?:4|8|16|32)(?:[-_]dynamic)?|w\d{1,2}a\d{1,2}|[2-8][-_]?bits?|\d+(?:\.\d+)?bpw|"
    r"\d{2,3}g|g\d{2,3})(?=[-_. ]|$)"
)
_SAYS_NOTHING = re.compile(r"(?i)(?:pytorch_)?model(?:[-_.]\d+)*(?:-of-\d+)?|adapter_model|weights|consolidated.*|main")


def versions_of(inspected: Inspected) -> str:
    """OWNER/NAME of the model, where that is known, else words of its name; "" where there is nothing to look for."""
    summary = inspected.summary
    if summary is None or summary.id in _NOT_MODELS or inspected.files:
        return ""
    if summary.base_model:
        return summary.base_model
    address = hub_address(inspected.source) if inspected.is_remote else None
    if address is not None:
        return address.repo
    path = Path(inspected.source).expanduser()
    name = path.stem if path.suffix else path.name
    if _SAYS_NOTHING.fullmatch(name):
        name = path.absolute().parent.name
    return words_of_name(name)


def words_of_name(name: str) -> str:
    """A model's name without what says how it was stored: ``Qwen3-8B`` of ``Qwen3-8B-GPTQ-Int4``."""
    before = ""
    while before != name:
        before, name = name, _STORED.sub("", name)
    return name.strip("-_. ")
