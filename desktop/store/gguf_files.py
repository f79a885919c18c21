"""GGUF files on disk: a byte source over a file, and what the library keeps of each header."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import msgspec

from desktop.core.errors import FileFormatError
from desktop.core.gguf import Header, read_header
from desktop.core.gguf.kind import model_kind
from desktop.core.gguf.projector import model_width, projector_widths
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
    """What the library keeps of one file's header. ``problem`` is "" for a file the engine should accept."""

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


def facts_of(path: Path) -> Facts:
    """Read a file's header. A file that is no readable GGUF gives Facts with a problem; OSError passes."""
    with FileSource(path) as source:
        try:
            return _facts(read_header(source))
        except FileFormatError as error:
            return Facts(problem=f"{error.message} {error.hint}".strip())


def kind_of(path: Path) -> ModelKind:
    """What a file is for; UNKNOWN where it cannot be read."""
    with suppress(OSError, FileFormatError), FileSource(path) as source:
        return model_kind(read_header(source))
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
    )
