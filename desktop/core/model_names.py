"""What a model is called where its file's name says nothing, as ``ggml-model-Q4_K_M.gguf`` or ``model.gguf``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from desktop.core import naming

# What converters, trainers and download sites write for every model (llama.cpp convert_hf_to_gguf.py and its forerunner
# convert.py, Unsloth's save_pretrained_gguf, civitai's folders by number).
_WORDS = "model|ggml-model|gguf-model|pytorch_model|consolidated|weights|unsloth|output|merged|default|file|download"
_FOLDERS = "gguf|ggufs|models?|llms?|snapshots?|blobs|downloads?|tmp|temp|home|data|files|output|outputs|checkpoints?"
_NOTHING = re.compile(rf"(?:{_WORDS}|[0-9a-f]{{16,}}|sha256-[0-9a-f]+|\d+)?", re.IGNORECASE)
_NO_FOLDER = re.compile(rf"(?:{_WORDS}|{_FOLDERS}|[0-9a-f]{{16,}}|\d+|)", re.IGNORECASE)
_NO_NAME = re.compile(rf"(?:{_WORDS}|{_FOLDERS}|unsloth model|[\W\d_]*|[0-9a-f]{{16,}})", re.IGNORECASE)
_LONGEST = 120  # characters of a name in a header that is taken for one


def says_nothing(stem: str) -> bool:
    """Whether a file name without its endings is one that many models have."""
    return _NOTHING.fullmatch(naming.base_name(f"{stem}.gguf")) is not None or stem == naming.label(f"{stem}.gguf")


def model_name(stem: str, title: str, folders: Sequence[str]) -> str:
    """``stem`` where it tells the model; else ``title`` (general.name), else the nearest of ``folders`` that does.

    The quantization of such a file's name is kept: ``Foo 7B Q4_K_M``.
    """
    if not says_nothing(stem):
        return stem
    label = naming.label(f"{stem}.gguf")
    title = title.strip()
    if len(title) <= _LONGEST and "/" not in title and not _NO_NAME.fullmatch(title):
        return f"{title} {label}".strip()
    folder = next((folder for folder in folders if not _NO_FOLDER.fullmatch(folder)), "")
    return f"{folder} {label}".strip() if folder else stem
