"""What models are called whose files' names say nothing."""

from __future__ import annotations

import pytest

from desktop.core.model_names import model_name
from desktop.core.naming import elided_name


@pytest.mark.parametrize(
    ("stem", "title", "folders", "name"),
    [
        ("Qwen3-8B-Q4_K_M", "Something else", ["models"], "Qwen3-8B-Q4_K_M"),
        ("model", "Foo 7B Instruct", ["12345", "civitai"], "Foo 7B Instruct"),
        ("model", "", ["12345", "civitai"], "civitai"),
        ("ggml-model-Q4_K_M", "Foo 7B", ["Foo-GGUF"], "Foo 7B Q4_K_M"),
        ("ggml-model-Q4_K_M", "models", ["Foo-GGUF"], "Foo-GGUF Q4_K_M"),
        ("ggml-model-f16", ".", ["gguf", "Foo", "models"], "Foo f16"),
        ("unsloth.Q8_0", "Unsloth Model", ["my-tune"], "my-tune Q8_0"),
        ("ggml-model-i2_s", "BitNet b1.58 2B4T", ["BitNet"], "BitNet b1.58 2B4T i2_s"),
        ("Q4_K_M", "Foo", ["Foo-GGUF"], "Foo Q4_K_M"),
        ("sha256-" + "a" * 64, "Foo", ["blobs"], "Foo"),
        ("model", "/home/somebody/checkpoint-300", ["models", "tmp"], "model"),
        ("model", "x" * 300, ["gguf", "llms"], "model"),
    ],
)
def test_names(stem: str, title: str, folders: list[str], name: str) -> None:
    assert model_name(stem, title, folders) == name


def test_a_long_name_keeps_its_quantization() -> None:
    name = "A-very-long-merged-model-name-" * 6 + "12B-Instruct-Q4_K_M.gguf"
    short = elided_name(name, 60)
    assert (
        len(short) == 60 and short.startswith("A-very-long-merged") and short.endswith("-Q4_K_M.gguf") and "…" in short
    )
    early = "Big-Q4_K_M-" + "made-with-much-care-" * 3
    assert "Q4_K_M" in elided_name(early, 60) and elided_name("short", 60) == "short"
