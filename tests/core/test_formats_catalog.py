"""The data file of formats: complete, in whole sentences, every row with its source."""

from __future__ import annotations

import re
from importlib.resources import files
from importlib.resources.abc import Traversable

from desktop.core.formats.safetensors import BITS
from desktop.store.format_catalog import format_catalog

# What the issue asks to recognise; the catalog may hold more.
ASKED = {
    "safetensors", "llamafile", "ggml", "ggmf", "ggjt", "pickle", "onnx", "tensorrt", "keras-hdf5", "savedmodel",
    "gptq", "awq", "exl2", "exl3", "bitsandbytes", "fp8", "mlx", "hf-transformers", "unknown", "lfs-pointer",
    "html", "empty",
}  # fmt: skip
NOT_RUN = {
    "tokenizer",
    "config",
    "lfs-pointer",
    "html",
    "empty",
    "partial",
    "archive",
    "program",
    "image",
    "text",
    "unknown",
}


def test_every_format_of_the_issue_is_described() -> None:
    assert format_catalog().entries.keys() >= ASKED


def test_every_row_says_what_it_is_what_runs_it_and_where_that_comes_from() -> None:
    for entry in format_catalog().entries.values():
        assert entry.title and entry.source, entry.id
        assert entry.what.endswith(".") and entry.advice.endswith("."), entry.id
        assert bool(entry.runs_on) == (entry.id not in NOT_RUN), entry.id
        assert all(len(text) < 260 for text in (entry.what, entry.runs_on, entry.advice)), entry.id


def test_every_format_in_the_code_is_in_the_catalog() -> None:
    code = "".join(path.read_text("utf-8") for path in _modules())
    used = set(re.findall(r'catalog\.summary\(\s*"([\w-]+)"', code)) | set(re.findall(r'self\.made\("([\w-]+)"', code))
    assert len(used) > 20
    assert used <= format_catalog().entries.keys()


def test_safetensors_types_have_their_width_in_the_name() -> None:
    for name, bits in BITS.items():
        digits = re.search(r"\d+", name)
        assert digits is None or int(digits[0]) == bits, name
    assert BITS["BOOL"] == 8


def _modules() -> list[Traversable]:
    folder = files("desktop") / "core" / "formats"
    return [path for path in folder.iterdir() if path.name.endswith(".py")]
