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
        ("<https://hub.example/o/r>", "hf:o/r"),
        ("(https://hub.example/o/r),", "hf:o/r"),
        ("`o/r`", "hf:o/r"),
        ("\u200bhttps://hub.example/o/r\ufeff", "hf:o/r"),
        ("https://hub.example/o/r?library=gguf#usage", "hf:o/r"),
        ("https://hub.example/o/r/blob/main/f.gguf?x=1#L3", "hf:o/r/f.gguf"),
        ("https://hub.example/o/r.git", "hf:o/r"),
        ("git clone https://hub.example/o/r", "hf:o/r"),
        ("hf download o/r", "hf:o/r"),
        ("hf download o/r f.gguf --local-dir models/here", "hf:o/r/f.gguf"),
        ("hf download --local-dir models/here o/r --revision=v2", "hf:o/r@v2"),
        ("huggingface-cli download o/r --include '*Q4_K_M*'", "hf:o/r:Q4_K_M"),
        ("ollama run hf.co/o/r", "hf:o/r"),
        ("ollama pull huggingface.co/o/r:Q8_0", "hf:o/r:Q8_0"),
        ("llama-server -hf o/r:Q4_K_M -c 4096", "hf:o/r:Q4_K_M"),
        ("llama-cli --hf-repo o/r --hf-file f.gguf -p hello", "hf:o/r/f.gguf"),
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
        "https://[", "https://hub.example/[o/r", "hf download", "hf download 'o/r",
        "hf download o/r --repo-type dataset", "ollama run llama3", "git status", "qwen3 8b", "qwen / coder",
    ],
)  # fmt: skip
def test_no_addresses(text: str) -> None:
    assert hub_address(text) is None


def test_a_file_beside_another() -> None:
    assert str(HubAddress("o/r", "a.gguf", "v1").beside("b.gguf")) == "hf:o/r/b.gguf@v1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("hf:x", True), ("https://a/b", True), ("ollama run hf.co/o/r", True), ("hf download o/r", True),
     ("git log", False), ("qwen3 8b", False), ("hf.co/o/r", True), ("o/r", False), ("hf", False), ("./hf.co", False)],
)  # fmt: skip
def test_what_can_only_be_on_the_hub(text: str, expected: bool) -> None:
    assert is_on_hub(text) is expected


@pytest.mark.parametrize(
    "text",
    ["https://mirror.example/hub/o/r/blob/main/f.gguf", "mirror.example/hub/o/r/resolve/main/f.gguf?download=true"],
)
def test_a_mirror_below_a_path(text: str) -> None:
    endpoint = "https://mirror.example/hub"
    assert is_on_hub(text, endpoint) and str(hub_address(text, endpoint)) == "hf:o/r/f.gguf"
    assert str(hub_address("https://hub.example/o/r", endpoint)) == "hf:o/r"
