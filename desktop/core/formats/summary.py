"""What Heft says about a model file or folder that is no GGUF: one frozen value for the window and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from desktop.core.findings import Finding

# "none": data only. "plain": a pickle whose imports are all harmless. "dangerous": loading it can run code.
Danger = Literal["none", "plain", "dangerous"]


@dataclass(frozen=True)
class Fact:
    """One row of the summary: what is told, and its value in words."""

    label: str
    value: str


@dataclass(frozen=True)
class TensorRow:
    """One tensor: ``dtype`` in the format's own words, ``bytes`` of data, ``offset`` from the start of its file.

    Both are 0 where the format does not say.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    offset: int


@dataclass(frozen=True)
class FolderFile:
    """A file of a model folder or repository; ``name`` is its path in it with slashes, ``size`` bytes."""

    name: str
    size: int


@dataclass(frozen=True)
class Summary:
    """A recognised file or folder.

    ``id`` names the format (the keys of resources/data/formats.toml), ``title`` says it in words, ``what`` in a
    sentence, ``runs_on`` which engine runs it on which hardware, ``advice`` what to do next. ``parameters`` is 0 and
    ``base_model`` "" when unknown. ``gguf_offset`` and ``gguf_bytes`` are where the GGUF file within a llamafile lies
    (core.gguf.SubSource reads it there); ``missing`` names files that an index lists and a folder lacks.
    """

    id: str
    title: str
    what: str
    runs_on: str = ""
    advice: str = ""
    danger: Danger = "none"
    facts: tuple[Fact, ...] = ()
    tensors: tuple[TensorRow, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    base_model: str = ""
    parameters: int = 0
    gguf_offset: int | None = None
    gguf_bytes: int = 0
    missing: tuple[str, ...] = ()
