"""What a model file is for, as one value; :mod:`desktop.core.gguf.kind` decides it from a header.

Names of architectures: llama.cpp 0c1e57098, ``src/llama-arch.cpp`` (LLM_ARCH_NAMES, llm_arch_is_diffusion).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal


class ModelKind(StrEnum):
    """What a file is for. The values are part of the headless contract (``kind``): a released one is never renamed."""

    CHAT = "chat"
    BASE = "base"  # writes text on; nothing says how a conversation is marked
    EMBEDDING = "embedding"
    RERANKER = "reranker"
    ENCODER_DECODER = "encoder-decoder"
    PROJECTOR = "projector"
    DRAFT = "draft"
    ADAPTER = "adapter"
    IMATRIX = "imatrix"
    CONTROL_VECTOR = "control-vector"
    VOCABULARY = "vocabulary"
    DIFFUSION = "diffusion"
    AUDIO = "audio"
    UNKNOWN = "unknown"  # the header, or the part of it that was read, does not say

    @property
    def writes_text(self) -> bool:
        """Whether the engine can write text with it, as far as is known."""
        return self in (ModelKind.CHAT, ModelKind.BASE, ModelKind.UNKNOWN)


Purpose = Literal["text", "embedding", "rerank"]
"""What the engine is asked for: text that is written, vectors, or how well texts match a question."""


def purpose_of(kind: ModelKind) -> Purpose:
    """What a model is loaded for."""
    if kind is ModelKind.EMBEDDING:
        return "embedding"
    return "rerank" if kind is ModelKind.RERANKER else "text"


TEXT_DIFFUSION = ("dream", "llada", "llada-moe", "rnd1")
ENCODERS = (
    "bert", "jina-bert-v2", "jina-bert-v3", "nomic-bert", "nomic-bert-moe", "neo-bert", "eurobert", "modern-bert",
    "gemma-embedding",
)  # fmt: skip
CHATML_TOKENS = ("<|im_start|>", "<|im_end|>")
