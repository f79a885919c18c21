"""What people paste to name a file on the Hub."""

from __future__ import annotations

import pytest

from desktop.core.hub_address import hub_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("hf:o/r/f.gguf", "hf:o/r/f.gguf"),
        ("  o/r/sub/f-00001-of-00002.gguf\n", "hf:o/r/sub/f-00001-of-00002.gguf"),
        ("hf:o/r/f.gguf@v1.0", "hf:o/r/f.gguf@v1.0"),
        ("https://hub.example/o/r/blob/main/Q4_K_M/f.gguf", "hf:o/r/Q4_K_M/f.gguf"),
        ("https://hub.example/o/r/resolve/main/f.gguf?download=true", "hf:o/r/f.gguf"),
        ("http://localhost:8000/o/r/resolve/refs%2Fpr%2F1/f.gguf", "hf:o/r/f.gguf@refs/pr/1"),
        ("https://hub.example/o/r/blob/abc123/f%20g.gguf", "hf:o/r/f g.gguf@abc123"),
        ("https://hub.example/o/r", ""),
        ("o/r", ""),
        ("f.gguf", ""),
        ("", ""),
        ("../etc/passwd", ""),
    ],
)
def test_hub_address(text: str, address: str) -> None:
    assert hub_address(text) == address
