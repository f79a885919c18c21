"""Chat templates that llama.cpp published, and what a prompt made by one is read as."""

from __future__ import annotations

import os
from pathlib import Path


def template_files() -> list[Path]:
    """Every template of the test data (packaging/test.sh); none where there is no test data."""
    default = Path.home() / ".cache" / "heft" / "test-data" / "models"
    return sorted((Path(os.environ.get("HEFT_TEST_MODELS") or default) / "templates").glob("*.jinja"))


# Templates that take no system prompt: it is moved before the first question, with a note.
SYSTEM_MOVED = {"google-gemma-2-2b-it": "raises 'System role not supported'"}
# Templates that ask for the reasoning of earlier answers and put it into the prompt.
REASONING_SENT = {
    "Bielik-11B-v3.0-Instruct", "ByteDance-Seed-OSS", "Cohere2MoE", "Kimi-K3", "MiniMax-M3", "Spark2.5",
    "inclusionai-ling-3.0-flash", "muse-glimmer", "poolside-Laguna-S-2.1", "poolside-Laguna-XS-2.1",
    "poolside-Laguna-XS.2",
}  # fmt: skip


def places(prompt: str, *words: str) -> list[int]:
    """Where each of these stands, once."""
    for word in words:
        assert prompt.count(word) == 1, word
    return [prompt.index(word) for word in words]
