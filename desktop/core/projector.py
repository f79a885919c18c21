"""What lets a model see pictures or hear: a projector, and the memory that it takes beside the model.

Sources: tools/mtmd/clip.cpp of llama.cpp, load_hparams (keys and their defaults) and build_vit (the graph). A
projector's weights are not shared among devices: all lie on one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from desktop.core.gguf.header import Header

MediaKind = Literal["image", "sound"]

_FLOAT = 4  # bytes: the graph computes in F32
_DEFAULT_PIXELS = 4096 * 28 * 28  # what a kind that takes pictures of any size takes at most where its file is silent
_FIXED = frozenset({"mlp", "mlp_norm", "ldp", "ldpv2", "gemma3", "gemma3nv", "glm_edge", "cogvlm", "janus_pro"})
_ROWS = 10  # rows of the width that live at once: input, norm, query, key, value, attention and what is summed up
_HEAD_ROOM = 1.15


@dataclass(frozen=True)
class Projector:
    """A projector's file; ``media`` is what the model takes with it. ``picture_bytes`` is what reading the largest
    picture takes, by a formula.
    """

    path: Path
    media: tuple[MediaKind, ...]
    weights_bytes: int
    picture_bytes: int

    @property
    def total_bytes(self) -> int:
        return self.weights_bytes + self.picture_bytes


def projector_of(path: Path, header: Header) -> Projector | None:
    """What a projector's header says; None for a file that is none, or lacks what every encoder has."""
    if header.architecture != "clip":
        return None
    sees = _flag(header, "clip.has_vision_encoder")
    hears = _flag(header, "clip.has_audio_encoder")
    media: tuple[MediaKind, ...] = (*(("image",) if sees else ()), *(("sound",) if hears else ()))
    if not media:
        return None
    weights = sum(tensor.size_bytes or 0 for tensor in header.tensors)
    return Projector(path, media, weights, _picture_bytes(header) if sees else _sound_bytes(header))


def _picture_bytes(header: Header) -> int:
    """Rows of one layer for every patch of the largest picture, with flash attention: no square of their number."""

    def said(key: str, default: int = 0) -> int:
        return header.integer(f"clip.vision.{key}") or default

    patch, side = said("patch_size", 14), said("image_size", 448)
    kind = header.string("clip.projector_type") or header.string("clip.vision.projector_type")
    pixels = side * side if kind in _FIXED else max(side * side, said("image_max_pixels", _DEFAULT_PIXELS))
    width, hidden = said("embedding_length"), said("feed_forward_length")
    rows = _ROWS * width + 2 * hidden
    return round(_HEAD_ROOM * _FLOAT * (pixels // (patch * patch) * rows + 3 * pixels))


def _sound_bytes(header: Header) -> int:
    """The same for half a minute of sound: 1,500 rows, as Whisper's encoder has (clip.cpp, warmup_audio_size)."""
    width = header.integer("clip.audio.embedding_length") or 0
    hidden = header.integer("clip.audio.feed_forward_length") or 0
    return round(_HEAD_ROOM * _FLOAT * 3000 * (_ROWS * width + 2 * hidden))


def _flag(header: Header, key: str) -> bool:
    entry = header.metadata.get(key)
    return entry is not None and entry.data is True
