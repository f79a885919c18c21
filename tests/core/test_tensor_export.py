"""Lists of tensors as CSV and JSON."""

from __future__ import annotations

import csv
import io
import json

from desktop.core.gguf import Tensor
from desktop.core.tensor_export import tensors_to_csv, tensors_to_json

TENSORS = [
    (Tensor("blk.2.attn_q.weight", (256, 64), 12, 4096), "a.gguf"),
    (Tensor("=HYPERLINK(1)", (), 200, 0), "a.gguf"),
]


def test_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(tensors_to_csv(TENSORS))))
    assert rows[0] == {
        "name": "blk.2.attn_q.weight",
        "shape": "256x64",
        "type": "Q4_K",
        "bits_per_weight": "4.5",
        "bytes": str(64 * 144),
        "offset": "4096",
        "layer": "2",
        "role": "attn_q",
        "file": "a.gguf",
    }
    # a stranger's tensor name must not become a formula; what is not known stays empty
    assert rows[1]["name"] == "'=HYPERLINK(1)"
    assert rows[1]["type"] == "type 200" and rows[1]["bytes"] == "" and rows[1]["layer"] == ""


def test_json() -> None:
    first, second = json.loads(tensors_to_json(TENSORS))["tensors"]
    assert first["shape"] == [256, 64] and first["bytes"] == 64 * 144 and first["layer"] == 2
    assert second["name"] == "=HYPERLINK(1)" and second["bits_per_weight"] is None
