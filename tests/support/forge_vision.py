"""Forges projectors: tiny encoders of pictures with nonsense weights that the real engine loads beside a text model.

Of the kinds that llama.cpp knows (tools/mtmd/clip.cpp) two are made: one whose pictures have tokens by their size
(Phi 4's), and one that makes every picture a square of the same size (Gemma 3's).
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Literal

from .forge import Value, write

PATCH, SIDE = 16, 64  # pixels
_WIDTH, _HIDDEN, _LAYERS, _HEADS = 64, 128, 2, 4
_LEAST, _MOST = 4 * PATCH * PATCH, 64 * PATCH * PATCH  # pixels of a picture: 4 to 64 tokens
_MERGED = 2  # patches of a side that become one token
_STRING, _BOOL, _U32, _F32, _ARRAY = 8, 7, 4, 6, 9

Part = tuple[str, tuple[int, ...], str]


def forge_projector(path: Path, width: int, kind: Literal["by size", "square"] = "by size", name: str = "") -> Path:
    """A projector at ``path`` for a model whose embeddings have this ``width``."""
    thirds = struct.pack("<3f", 0.5, 0.5, 0.5)
    entries = {
        "general.architecture": Value(_STRING, "clip"),
        "general.type": Value(_STRING, "mmproj"),
        **({"general.name": Value(_STRING, name)} if name else {}),
        "clip.has_vision_encoder": Value(_BOOL, True),
        "clip.projector_type": Value(_STRING, "phi4" if kind == "by size" else "gemma3"),
        "clip.use_gelu": Value(_BOOL, True),
        "clip.vision.image_size": Value(_U32, SIDE),
        "clip.vision.patch_size": Value(_U32, PATCH),
        "clip.vision.embedding_length": Value(_U32, _WIDTH),
        "clip.vision.feed_forward_length": Value(_U32, _HIDDEN),
        "clip.vision.block_count": Value(_U32, _LAYERS),
        "clip.vision.attention.head_count": Value(_U32, _HEADS),
        "clip.vision.attention.layer_norm_epsilon": Value(_F32, 1e-6),
        "clip.vision.projection_dim": Value(_U32, width),
        "clip.vision.image_mean": Value(_ARRAY, thirds, _F32, 3),
        "clip.vision.image_std": Value(_ARRAY, thirds, _F32, 3),
        "clip.vision.image_min_pixels": Value(_U32, _LEAST),
        "clip.vision.image_max_pixels": Value(_U32, _MOST),
        "clip.vision.projector.scale_factor": Value(_U32, _MERGED),
    }
    return write(path, entries, [*_encoder(), *_projection(width, kind)])


def _encoder() -> list[Part]:
    found: list[Part] = [
        ("v.patch_embd.weight", (PATCH, PATCH, 3, _WIDTH), "F32"),
        ("v.patch_embd.bias", (_WIDTH,), "F32"),
        ("v.position_embd.weight", (_WIDTH, (SIDE // PATCH) ** 2), "F32"),
        ("v.post_ln.weight", (_WIDTH,), "F32"),
        ("v.post_ln.bias", (_WIDTH,), "F32"),
    ]
    for layer in range(_LAYERS):
        block = f"v.blk.{layer}"
        for part in ("attn_q", "attn_k", "attn_v", "attn_out"):
            found += [(f"{block}.{part}.weight", (_WIDTH, _WIDTH), "F32"), (f"{block}.{part}.bias", (_WIDTH,), "F32")]
        for part in ("ln1", "ln2"):
            found += [(f"{block}.{part}.{which}", (_WIDTH,), "F32") for which in ("weight", "bias")]
        found += [
            (f"{block}.ffn_up.weight", (_WIDTH, _HIDDEN), "F32"),
            (f"{block}.ffn_up.bias", (_HIDDEN,), "F32"),
            (f"{block}.ffn_down.weight", (_HIDDEN, _WIDTH), "F32"),
            (f"{block}.ffn_down.bias", (_WIDTH,), "F32"),
        ]
    return found


def _projection(width: int, kind: str) -> list[Part]:
    if kind == "square":
        return [("mm.input_projection.weight", (width, _WIDTH), "F32"), ("mm.soft_emb_norm.weight", (_WIDTH,), "F32")]
    return [
        ("mm.0.weight", (_WIDTH, width), "F32"),
        ("mm.0.bias", (width,), "F32"),
        ("mm.2.weight", (width, width), "F32"),
        ("mm.2.bias", (width,), "F32"),
    ]
