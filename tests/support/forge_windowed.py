"""Forges a model whose layers slide a window over what they attend to, but for every fourth (Cohere 2)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from support.forge import TINY, Value, metadata, tensors, vocabulary, write

WINDOWED = replace(TINY, layers=4, architecture="cohere2")


def forge_windowed(path: Path, vocab: Path, window: int = 256) -> Path:
    """A whole model of four layers, three of them with a window of so many tokens."""
    words = vocabulary(vocab)
    entries = metadata(WINDOWED, words) | {
        "cohere2.attention.sliding_window": Value(4, window),
        "cohere2.attention.layer_norm_epsilon": Value(6, 1e-5),
        "cohere2.logit_scale": Value(6, 0.25),
    }
    parts = tensors(WINDOWED, "F32", words["tokenizer.ggml.tokens"].length)
    return write(path, entries, [part for part in parts if "ffn_norm" not in part[0]])
