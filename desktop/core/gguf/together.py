"""What the headers of all shards of a model say together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from desktop.core.gguf.header import Header
from desktop.core.quants import quantization_label

_TENSORS = 32  # names, shapes and offsets of so many tell two models apart


def fingerprint_of(headers: Sequence[Header]) -> str:
    """A model's own sign, by which what was measured is found wherever its file lies; "" without headers."""
    if not headers:
        return ""
    digest = hashlib.sha256()
    for header in headers:
        digest.update(f"{header.architecture}|{header.name}|{header.file_bytes}|{len(header.tensors)}".encode())
        for tensor in header.tensors[:_TENSORS]:
            digest.update(f"{tensor.name}{tensor.shape}{tensor.type_id}{tensor.offset}".encode())
    return digest.hexdigest()[:16]


def quantization_of(headers: Sequence[Header]) -> str:
    """The label people know the quantization by, such as Q4_K_M; "" without weights."""
    if not headers:
        return ""
    return quantization_label([share for header in headers for share in header.shares()], headers[0].file_type)
