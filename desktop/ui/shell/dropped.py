"""What somebody drops onto the window, if it may be a model."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote_to_bytes

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDropEvent

# Model files a person may drop; what they really are is told by their content.
MODEL_SUFFIXES = frozenset(
    (
        ".gguf",
        ".safetensors",
        ".llamafile",
        ".bin",
        ".pt",
        ".pth",
        ".ckpt",
        ".onnx",
        ".h5",
        ".keras",
        ".engine",
        ".plan",
    )
)


def model_files(event: QDropEvent) -> list[Path]:
    """Files of a model's suffix and folders, of this computer."""
    files = [_path(url) for url in event.mimeData().urls() if url.isLocalFile()]
    return [path for path in files if path.suffix.lower() in MODEL_SUFFIXES or path.is_dir()]


def _path(url: QUrl) -> Path:
    """The file of a ``file:`` address, also one whose name is no Unicode, which Qt's own texts cannot hold."""
    raw = unquote_to_bytes(url.path(QUrl.ComponentFormattingOption.FullyEncoded))
    try:
        raw.decode()
    except UnicodeDecodeError:
        return Path(os.fsdecode(raw))
    return Path(url.toLocalFile())
