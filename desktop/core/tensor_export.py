"""A list of tensors as text for other programs: CSV for spreadsheets, JSON with the field names of ``heft inspect``."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable

from desktop.core.gguf import Tensor
from desktop.core.layers import locate
from desktop.core.quants import TENSOR_TYPES

_FIELDS = ("name", "shape", "type", "bits_per_weight", "bytes", "offset", "layer", "role", "file")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def tensors_to_csv(tensors: Iterable[tuple[Tensor, str]]) -> str:
    """One line per tensor with the name of its file; offsets in bytes from the start of the file's tensor data.

    Names come from strangers: one that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_FIELDS)
    for tensor, file in tensors:
        entry = _entry(tensor, file)
        entry["shape"] = "x".join(str(length) for length in tensor.shape)
        writer.writerow([_safe(value) if isinstance(value, str) else value for value in entry.values()])
    return out.getvalue()


def tensors_to_json(tensors: Iterable[tuple[Tensor, str]]) -> str:
    """A document ``{"tensors": [...]}``; ``bytes`` and ``bits_per_weight`` are null for types nobody knows."""
    document = {"tensors": [_entry(tensor, file) for tensor, file in tensors]}
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _entry(tensor: Tensor, file: str) -> dict[str, object]:
    place, kind = locate(tensor.name), TENSOR_TYPES.get(tensor.type_id)
    values = (
        tensor.name,
        list(tensor.shape),
        tensor.type,
        kind.bits_per_weight if kind else None,
        tensor.size_bytes,
        tensor.offset,
        place.layer,
        place.role,
        file,
    )
    return dict(zip(_FIELDS, values, strict=True))


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
