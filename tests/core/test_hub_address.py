"""What people paste to name a repo on the Hub or a file in it."""

from __future__ import annotations

import pytest

from desktop.core.hub_address import HubAddress, hub_address, is_on_hub


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("hf:o/r/f.gguf", "hf:o/r/f.gguf"),
        ("  o/r/sub/f-00001-of-00002.gguf\n", "hf:o/r/sub/f-00001-of-00002.gguf"),
        ("hf:o/r/f.gguf@v1.0", "hf:o/r/f.gguf@v1.0"),
        ("hf:o/r/f.gguf@refs/pr/1", "hf:o/r/f.gguf@refs/pr/1"),
        ("HF: o/r/f.gguf", "hf:o/r/f.gguf"),
        ("hf://o/r/f.gguf", "hf:o/r/f.gguf"),
        ("hf:o/r/my file.gguf", "hf:o/r/my file.gguf"),
        ('"hf:o/r/f.gguf"', "hf:o/r/f.gguf"),
        ("o/r", "hf:o/r"),
        ("hf:o/r/", "hf:o/r"),
        ("hf:o/r@v1.0", "hf:o/r@v1.0"),
        ("hf:o/r/Q4_K_M/", "hf:o/r/Q4_K_M"),
        ("https://hub.example/o/r", "hf:o/r"),
        ("https://hub.example/o/r/", "hf:o/r"),
        ("https://hub.example/o/r/tree/main", "hf:o/r"),
        ("https://hub.example/o/r/tree/v2/Q4_K_M", "hf:o/r/Q4_K_M@v2"),
        ("https://hub.example/o/r/blob/main/Q4_K_M/f.gguf", "hf:o/r/Q4_K_M/f.gguf"),
        ("https://hub.example/o/r/resolve/main/f.gguf?download=true", "hf:o/r/f.gguf"),
        ("http://localhost:8000/o/r/resolve/refs%2Fpr%2F1/f.gguf", "hf:o/r/f.gguf@refs/pr/1"),
        ("https://hub.example/o/r/blob/abc123/f%20g.gguf", "hf:o/r/f g.gguf@abc123"),
        ("https://hub.example/o/r?show_file_info=f.gguf", "hf:o/r/f.gguf"),
        ("https://hub.example/o/r/tree/main?show_file_info=Q8%2Ff.gguf", "hf:o/r/Q8/f.gguf"),
        ("hf.co/o/r", "hf:o/r"),
        ("hf.co/o/r:Q4_K_M", "hf:o/r:Q4_K_M"),
        ("o/r:UD-Q4_K_XL@v1", "hf:o/r:UD-Q4_K_XL@v1"),
        ("huggingface.co/o/r/blob/main/f.gguf", "hf:o/r/f.gguf"),
    ],
)
def test_addresses(text: str, address: str) -> None:
    found = hub_address(text)
    assert str(found) == address
    assert hub_address(address) == found  # the one form means the same again


@pytest.mark.parametrize(
    "text",
    [
        "", "hf:", "f.gguf", "hf:f.gguf", "../etc/passwd", "hf:o/r/../f", "hf:o/r/f.gguf@", "hf:a@b/c",
        "https://hub.example/", "https://hub.example/datasets/o/r", "https://hub.example/spaces/o",
        "https://hub.example/o/r/discussions/3", "https://hub.example/files/a/b/f.gguf",
    ],
)  # fmt: skip
def test_no_addresses(text: str) -> None:
    assert hub_address(text) is None


def test_a_file_beside_another() -> None:
    assert str(HubAddress("o/r", "a.gguf", "v1").beside("b.gguf")) == "hf:o/r/b.gguf@v1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("hf:x", True), ("https://a/b", True), ("hf.co/o/r", True), ("o/r", False), ("hf", False), ("./hf.co", False)],
)
def test_what_can_only_be_on_the_hub(text: str, expected: bool) -> None:
    assert is_on_hub(text) is expected
