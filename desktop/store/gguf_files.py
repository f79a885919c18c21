"""GGUF files on disk: a byte source over a file, and what the library keeps of each header."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import msgspec

from desktop.core.errors import FileFormatError
from desktop.core.gguf import Header, read_header
from desktop.core.gguf.kind import model_kind
from desktop.core.gguf.projector import model_width, projector_widths
from desktop.core.model_fault import Fault, PartFacts, header_fault, not_gguf, piece_fault, set_fault
from desktop.core.model_kind import ModelKind
from desktop.core.quants import WeightShare

FIRST_WINDOW = 64 << 10
LARGEST_WINDOW = 1 << 20


class FileSource:
    """A byte source over a file, read in windows that grow while it is read forward.

    Not a memory map: a file that another program cuts short would then end the whole process (SIGBUS), and a
    network drive that goes away too; a read fails with an OSError instead. Safe to use from several threads.
    """

    def __init__(self, path: Path) -> None:
        """Open for reading; OSError when that fails."""
        self._file = path.open("rb", buffering=0)
        self._lock = threading.Lock()
        self._size = self._file.seek(0, 2)
        self._view = memoryview(b"")
        self._base = 0
        self._step = FIRST_WINDOW

    @property
    def size(self) -> int:
        return self._size

    def window(self, offset: int, at_least: int) -> memoryview:
        """At least ``at_least`` bytes from ``offset``, or those up to the end; OSError when reading fails."""
        with self._lock:
            start = offset - self._base
            if start < 0 or start + at_least > len(self._view):
                self._fill(offset, at_least)
                start = 0
            return self._view[start:]

    def _fill(self, offset: int, at_least: int) -> None:
        wanted = min(max(at_least, self._step), max(0, self._size - offset))
        self._step = min(self._step * 2, LARGEST_WINDOW)
        self._file.seek(offset)
        data = bytearray(wanted)
        view, have = memoryview(data), 0
        while have < wanted and (count := self._file.readinto(view[have:])):
            have += count
        self._view, self._base = view[:have].toreadonly(), offset

    def close(self) -> None:
        """Close the file; arrays of its header cannot be read any more."""
        self._file.close()

    def __enter__(self) -> FileSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Facts(msgspec.Struct, frozen=True, array_like=True):
    """What the library keeps of one file's header. ``problem`` is "" for a file the engine should accept; ``fault``
    says what it is where it is none that the engine could load. ``tensors`` are its own, ``all_tensors`` those that it
    says the model has (0: not said); ``needed_bytes`` is where the last of its own ends."""

    architecture: str = ""
    kind: ModelKind = ModelKind.UNKNOWN
    title: str = ""  # general.name
    parameters: int = 0
    file_type: int | None = None
    context_length: int | None = None
    shares: tuple[WeightShare, ...] = ()
    shards: int = 1
    shard: int = 0
    problem: str = ""
    widths: tuple[int, ...] = ()  # of a model's embeddings, or of what a projector may put out
    fault: Fault | None = None
    tensors: int = 0
    all_tensors: int = 0
    needed_bytes: int = 0

    def part(self, name: str) -> PartFacts:
        """What a set of files is judged by."""
        return PartFacts(name, self.shard, self.shards, self.tensors, self.all_tensors)


def facts_of(path: Path) -> Facts:
    """Read a file's header. A file that is no readable GGUF gives Facts with a problem; OSError passes."""
    with FileSource(path) as source:
        try:
            return _facts(read_header(source))
        except FileFormatError as error:
            return _something_else(source, path.name) or Facts(problem=f"{error.message} {error.hint}".strip())


def _something_else(source: FileSource, name: str) -> Facts | None:
    """Of a file that is no GGUF file; None for one that is, and breaks off."""
    from desktop.core.formats import recognise  # which the window starts without
    from desktop.store.format_catalog import format_catalog

    summary = recognise(source, name, format_catalog())
    if summary is None:
        return None
    return Facts(kind=ModelKind.IMATRIX) if summary.id == "imatrix" else Facts(fault=not_gguf(summary))


def files_fault(paths: Sequence[Path], missing: int = 0) -> Fault | None:
    """Why the engine cannot load a model of these files, the first to load first; None where nothing is known to be
    wrong. ``missing`` is how many more their names speak of. OSError passes."""
    facts = [facts_of(path) for path in paths]
    return set_of_facts(
        [(path.name, path.stat().st_size, fact) for path, fact in zip(paths, facts, strict=True)], missing
    )


def set_of_facts(files: Sequence[tuple[str, int, Facts]], missing: int) -> Fault | None:
    """As :func:`files_fault`, of names, bytes and facts."""
    names = [name for name, _, _ in files]
    cut_short = sum(size for _, size, _ in files) < files[0][2].needed_bytes
    piece = piece_fault(names, missing, cut_short=cut_short)
    if piece is not None:
        return piece
    own = next((facts.fault for _, _, facts in files if facts.fault is not None), None)
    return own or set_fault([facts.part(name) for name, _, facts in files])


def kind_of(path: Path) -> ModelKind:
    """What a file is for; UNKNOWN where it cannot be read."""
    with suppress(OSError):
        return facts_of(path).kind
    return ModelKind.UNKNOWN


def _facts(header: Header) -> Facts:
    shard, shards = header.split or (0, 1)
    kind = model_kind(header)
    return Facts(
        architecture=header.architecture,
        kind=kind,
        title=header.name,
        parameters=header.parameters,
        file_type=header.file_type,
        context_length=header.context_length,
        shares=tuple(header.shares()),
        shards=shards,
        shard=shard,
        problem=next((p.message for p in header.problems if p.severity == "error"), ""),
        widths=projector_widths(header) if kind is ModelKind.PROJECTOR else (model_width(header),),
        fault=header_fault(header, kind),
        tensors=len(header.tensors),
        all_tensors=header.integer("split.tensors.count") or 0,
        needed_bytes=max((header.position(tensor) + (tensor.size_bytes or 0) for tensor in header.tensors), default=0),
    )
