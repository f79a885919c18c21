"""What tells one model file from another by its header, wherever it lies and whatever it is called."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from desktop.core.gguf.header import Header

_TENSORS = 32  # names, shapes, types and offsets of so many tell two models apart


def fingerprint(headers: Sequence[Header]) -> str:
    """The same for the same bytes, here and on the Hub; from the headers of all shards."""
    digest = hashlib.sha256()
    for header in headers:
        digest.update(f"{header.architecture}|{header.name}|{header.file_bytes}|{len(header.tensors)}".encode())
        for tensor in header.tensors[:_TENSORS]:
            digest.update(f"{tensor.name}{tensor.shape}{tensor.type_id}{tensor.offset}".encode())
    return digest.hexdigest()[:16]
