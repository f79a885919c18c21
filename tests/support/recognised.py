"""Bytes taken for a model file."""

from __future__ import annotations

from desktop.core.formats import Summary, recognise
from desktop.core.gguf import BytesSource
from desktop.store.format_catalog import format_catalog


def read(data: bytes, name: str = "model.bin") -> Summary:
    """What Heft takes a file of these bytes and this name for."""
    summary = recognise(BytesSource(data), name, format_catalog())
    assert summary is not None
    return summary


def facts(summary: Summary) -> dict[str, str]:
    """The summary's facts by their labels."""
    return {fact.label: fact.value for fact in summary.facts}
