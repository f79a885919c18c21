"""NumPy's .npy files and the arrays of .npz archives. Format: NumPy docs, numpy.lib.format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from desktop.core.findings import Finding
from desktop.core.formats.catalog import Catalog
from desktop.core.formats.summary import Fact, Summary
from desktop.core.text import one_line
from desktop.core.words import tr

MAGIC = b"\x93NUMPY"
NUMPY_HEADER = 512  # bytes that hold the description of any plain array


def summarise(start: bytes, catalog: Catalog) -> Summary:
    """One array: its type and shape as NumPy writes them."""
    text = start[10 if start[6:7] == b"\x01" else 12 :].split(b"\n", 1)[0].decode("latin-1").strip()
    return catalog.summary("numpy", facts=(Fact(tr("Array"), one_line(text)),), **numpy_danger([start]))


def numpy_danger(heads: Sequence[bytes]) -> dict[str, Any]:
    """Danger and findings for Catalog.summary: arrays of Python objects are stored as pickles."""
    count = sum(b"'|O'" in start or b"'O'" in start for start in heads)
    if not count:
        return {}
    message = f"{count:,} array{'s hold' if count > 1 else ' holds'} Python objects, stored as a pickle."
    reason = "NumPy loads them only with allow_pickle=True, which can run code."
    return {"danger": "dangerous", "findings": (Finding("error", message, reason, tr("Do not allow pickles for it.")),)}
