"""What is inside a model file, on this computer or still on the Hub: the page Inspect and ``heft inspect``."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.core import naming
from desktop.core.findings import Finding
from desktop.core.gguf import Header, Tensor, read_header
from desktop.core.quants import quantization_label
from desktop.services.library import LibraryService
from desktop.store.gguf_files import FileSource
from desktop.store.paths import Paths

if TYPE_CHECKING:
    from desktop.core.formats import Summary

__all__ = ["Finding", "Inspected", "InspectedFile", "InspectionService", "PlacedTensor"]

Progress = Callable[[float, str], None]  # how far, 0 to 1, and what it is at
Cancelled = Callable[[], bool]


@dataclass(frozen=True)
class PlacedTensor:
    """A tensor and the file it lies in: ``file`` is an index into ``Inspected.files``."""

    tensor: Tensor
    file: int


@dataclass(frozen=True)
class InspectedFile:
    """One GGUF file of a model. ``path`` is None for a file on the Hub.

    ``sha256`` is what the place it comes from says its content has (the Hub, a cache that names files by it), ""
    when nobody says; ``etag`` is the Hub's.
    """

    name: str
    path: Path | None
    header: Header
    etag: str = ""
    sha256: str = ""


@dataclass(frozen=True, eq=False)
class Inspected:
    """An opened model. Arrays of its headers are read on demand from open files: ``close`` it after use.

    ``source`` is what was asked for, ``title`` its short name, ``kind`` "gguf" or an id of ``core.formats``, whose
    ``summary`` then tells the rest (``files`` are empty). ``files`` are the shards in order. ``seconds`` is the time
    it took to open; ``transferred_bytes`` and ``requests`` what it took from the Hub. Thread-safe.
    """

    source: str
    title: str
    kind: str
    files: tuple[InspectedFile, ...]
    findings: tuple[Finding, ...]
    seconds: float
    size_bytes: int
    transferred_bytes: int = 0
    requests: int = 0
    summary: Summary | None = None
    resources: ExitStack = field(default_factory=ExitStack, repr=False)

    @property
    def header(self) -> Header:
        """The header of the first shard, which carries the model's metadata; ValueError when there is none."""
        if not self.files:
            raise ValueError(f"{self.title} is no GGUF file")
        return self.files[0].header

    @cached_property
    def tensors(self) -> tuple[PlacedTensor, ...]:
        """The tensors of all shards, in the files' order."""
        return tuple(PlacedTensor(t, i) for i, file in enumerate(self.files) for t in file.header.tensors)

    @cached_property
    def parameters(self) -> int:
        """Elements of all tensors, as llama.cpp counts them."""
        return sum(file.header.parameters for file in self.files)

    @cached_property
    def tensor_bytes(self) -> int:
        """Bytes of all tensors whose type is known."""
        return sum(file.header.tensor_bytes for file in self.files)

    @property
    def bits_per_weight(self) -> float:
        """Bits of tensor data per parameter; 0 without tensors."""
        return self.tensor_bytes * 8 / self.parameters if self.parameters else 0.0

    @cached_property
    def quantization(self) -> str:
        """The label people know the quantization by, such as Q4_K_M; "" without weights."""
        if not self.files:
            return ""
        return quantization_label([s for file in self.files for s in file.header.shares()], self.header.file_type)

    @property
    def context_length(self) -> int | None:
        """Tokens the model was trained for; None when the file does not say."""
        return self.header.context_length if self.files else None

    def close(self) -> None:
        """Close the files; what was already read stays."""
        self.resources.close()


class InspectionService:
    """Opens model files of any kind. Stateless but for what it is given; calls may come from any thread."""

    def __init__(
        self,
        paths: Paths,
        library: LibraryService,
        *,
        architectures: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        """``architectures`` names those the installed engine knows; it may take seconds and is asked seldom."""
        self._paths = paths
        self._library = library
        self._architectures = architectures

    def open(
        self,
        source: str,
        *,
        progress: Progress = lambda _fraction, _note: None,
        cancelled: Cancelled = lambda: False,
    ) -> Inspected:
        """Open a path, a folder, ``hf:OWNER/REPO/FILE[@REV]``, a library name or ``starter``.

        Shards beside a local file are opened with it. Reads headers only. A GGUF header that breaks off is opened as
        far as it goes, with a finding. Raises HeftError: not found, not readable, no model file, private or gated
        (with what is missing), kind "cancelled".
        """
        started = time.perf_counter()
        model = self._library.resolve(source)
        with ExitStack() as resources:
            files = tuple(_opened(path, resources) for path in model.files)
            findings = tuple(f for file in files for f in file.header.problems)
            return Inspected(
                source=source,
                title=naming.stem(model.path.name),
                kind="gguf",
                files=files,
                findings=findings,
                seconds=time.perf_counter() - started,
                size_bytes=sum(file.header.file_bytes for file in files),
                resources=resources.pop_all(),
            )

    def check(
        self,
        inspected: Inspected,
        *,
        progress: Progress = lambda _fraction, _note: None,
        cancelled: Cancelled = lambda: False,
    ) -> tuple[Finding, ...]:
        """The findings that take reading the whole file, added to those of ``open``.

        SHA-256 against what the Hub says, NaN and infinities in the weights, the chat template rendered with an
        example. Reads at disk speed; only files on this computer. Raises HeftError of kind "cancelled".
        """
        return inspected.findings


def _opened(path: Path, resources: ExitStack) -> InspectedFile:
    source = resources.enter_context(FileSource(path))
    return InspectedFile(path.name, path, read_header(source, partial=True))
