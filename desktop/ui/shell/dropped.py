"""What somebody drops onto the window, if it may be a model."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote_to_bytes

from PySide6.QtCore import QMimeData, QUrl
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


def local_files(mime: QMimeData) -> list[Path]:
    """Files and folders of this computer."""
    return [_path(url) for url in mime.urls() if url.isLocalFile()]


def model_files(event: QDropEvent) -> list[Path]:
    """Files of a model's suffix and folders, of this computer."""
    files = local_files(event.mimeData())
    return [path for path in files if path.suffix.lower() in MODEL_SUFFIXES or path.is_dir()]


def other_files(event: QDropEvent) -> list[Path]:
    """All other files, unless a model's is among them."""
    return [] if model_files(event) else local_files(event.mimeData())


def _path(url: QUrl) -> Path:
    """The file of a ``file:`` address, also one whose name is no Unicode, which Qt's own texts cannot hold."""
    raw = unquote_to_bytes(url.path(QUrl.ComponentFormattingOption.FullyEncoded))
    try:
        raw.decode()
    except UnicodeDecodeError:
        return Path(os.fsdecode(raw))
    return Path(url.toLocalFile())
