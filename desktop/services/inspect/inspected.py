"""An opened model file as a value: what the inspector's pages and commands look at."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from desktop.core.findings import Finding
from desktop.core.formats import Summary
from desktop.core.gguf import Header, Tensor
from desktop.core.gguf.together import quantization_of
from desktop.core.model_fault import Fault
from desktop.core.model_kind import ModelKind
from desktop.core.model_ref import ModelRef, hub_identity, local_ref
from desktop.core.model_size import ModelSize
from desktop.core.variants import Variant
from desktop.hub.client import RemoteFile


@dataclass(frozen=True)
class PlacedTensor:
    """A tensor and the file it lies in: ``file`` is an index into ``Inspected.files``."""

    tensor: Tensor
    file: int


@dataclass(frozen=True)
class InspectedFile:
    """One GGUF file of a model: at ``path`` on this computer, or (None) on the Hub as ``remote`` says.

    ``sha256`` is what the place it comes from says its content has (the Hub, a cache that names files by it), ""
    when nobody says. ``base`` is the byte at which the GGUF begins (0 but in a llamafile).
    """

    name: str
    path: Path | None
    header: Header
    sha256: str = ""
    base: int = 0
    remote: RemoteFile | None = None


@dataclass(frozen=True)
class ModelEntry:
    """One model among those of a folder or repo; ``source`` opens it.

    ``name`` is its path there, that of the first where it has several ``files``; ``format`` and ``quantization`` are
    what the name tells, ``note`` is a sentence worth knowing. ``quantization`` and ``note`` may be "". ``variant`` is
    None for companions and files of other formats.
    """

    source: str
    name: str
    format: str
    quantization: str
    size_bytes: int
    files: int = 1
    note: str = ""
    variant: Variant | None = None


@dataclass(frozen=True, eq=False)
class Inspected:
    """An opened model. Arrays of its headers are read on demand from open files: ``close`` it after use.

    ``source`` is what was asked for, ``title`` its short name, ``kind`` "gguf" or an id of ``core.formats``, whose
    ``summary`` then tells the rest (``files`` are empty but for a GGUF inside a llamafile). ``files`` are the
    shards in order; ``models`` are those of a folder or repo to choose from. ``use`` is what a GGUF file is for,
    ``fault`` why the engine cannot load it, where that is known. ``seconds`` is the time it took to open;
    ``transferred_bytes`` (of files) and ``requests`` are what it took from the Hub. Thread-safe.
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
    models: tuple[ModelEntry, ...] = ()
    use: ModelKind = ModelKind.UNKNOWN
    fault: Fault | None = None
    resources: ExitStack = field(default_factory=ExitStack, repr=False)

    @property
    def header(self) -> Header:
        """The header of the first shard, which carries the model's metadata; ValueError when there is none."""
        if not self.files:
            raise ValueError(f"{self.title} holds no GGUF header")
        return self.files[0].header

    @property
    def ref(self) -> ModelRef:
        """Which model it is: what is remembered of one is kept under its identity."""
        local = tuple(file.path for file in self.files if file.path is not None)
        if local:
            return local_ref(local[0], self.title, local)
        remote = self.files[0].remote if self.files else None
        return ModelRef(self.title, hub_identity(remote.repo, remote.path) if remote is not None else self.source)

    @property
    def is_remote(self) -> bool:
        """Whether it lies on the Hub, so that only its header can be read."""
        return self.source.startswith("hf:")

    @cached_property
    def tensors(self) -> tuple[PlacedTensor, ...]:
        """The tensors of all shards, in the files' order."""
        return tuple(PlacedTensor(t, i) for i, file in enumerate(self.files) for t in file.header.tensors)

    @cached_property
    def size(self) -> ModelSize:
        """Parameters and bytes of the tensors of all shards."""
        return sum((file.header.size for file in self.files), ModelSize())

    @property
    def parameters(self) -> int:
        """Elements of all tensors."""
        return self.size.parameters

    @property
    def tensor_bytes(self) -> int:
        """Bytes of all tensors whose type is known."""
        return self.size.tensor_bytes

    @property
    def bits_per_weight(self) -> float:
        """Bits of tensor data per weight; 0 without tensors."""
        return self.size.bits_per_weight

    @cached_property
    def quantization(self) -> str:
        """The label people know the quantization by, such as Q4_K_M; "" without weights."""
        return quantization_of([file.header for file in self.files])

    @property
    def context_length(self) -> int | None:
        """Tokens the model was trained for; None when the file does not say."""
        return self.header.context_length if self.files else None

    def close(self) -> None:
        """Close the files; what was already read stays."""
        self.resources.close()
