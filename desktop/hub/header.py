"""A GGUF header on the Hub, by HTTP range: few requests, little beyond the header, remembered by ETag."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from desktop.core.cancelled import Cancelled, never
from desktop.core.errors import FileFormatError
from desktop.core.gguf import Header, read_header
from desktop.core.words import tr
from desktop.hub.byte_ranges import ByteRange
from desktop.hub.client import HubClient, RemoteFile
from desktop.hub.header_length import expected_header_bytes
from desktop.hub.header_store import HeaderStore
from desktop.hub.sequential_source import FIRST_WINDOW, SequentialSource


@dataclass(frozen=True, eq=False)
class RemoteHeader:
    """A header and what it took to read it.

    ``data`` is the file's beginning, at least ``header.header_bytes`` long; ``path`` the file it is kept in (None
    where the disk did not take it). ``requests`` counts every HTTP request, redirects too; ``transferred_bytes``
    what was read of the file. Both are 0 when the ETag was known beforehand and its header kept.
    """

    header: Header
    file: RemoteFile
    data: memoryview
    path: Path | None
    requests: int
    transferred_bytes: int
    cached: bool


class HeaderReader:
    """Reads headers of files on the Hub. Thread-safe."""

    def __init__(self, client: HubClient, folder: Path) -> None:
        """``folder`` keeps the headers that were read."""
        self._client = client
        self._store = HeaderStore(folder)

    def read(
        self,
        repo: str,
        path: str,
        revision: str | None = None,
        *,
        part: ByteRange | None = None,
        partial: bool = False,
        cancelled: Cancelled = never,
        progress: Callable[[int], None] = lambda _: None,
    ) -> RemoteHeader:
        """The whole header of a GGUF file, or of the one that is ``part`` of another file.

        ``progress`` hears the bytes read so far. A header read before costs one request and none of its bytes. With
        ``partial`` a broken header is returned as far as it goes, as ``core.gguf.read_header`` does; it is not kept.
        Raises HubError, CancelledError, and FileFormatError for a file that is no GGUF file.
        """
        kept: RemoteHeader | None = None

        def known(file: RemoteFile) -> bool:
            nonlocal kept
            kept = self.kept(file, part)
            return kept is not None

        with SequentialSource(
            self._client, repo, path, revision,
            part=part, plan=_planned, known=known, cancelled=cancelled, progress=progress,
        ) as source:  # fmt: skip
            if kept is not None:
                return _with_cost(kept, source)
            header = read_header(source, partial=partial)
            end = min(max(header.header_bytes, header.data_offset), len(source.read_so_far))
            data = source.read_so_far[:end] if header.complete else source.read_so_far
            file, size = source.remote, source.size
            requests, transferred = source.requests, source.transferred_bytes
        kept_in = None
        if header.complete:
            kept_in = self._store.keep(_key(file, part), data)
            data = self._store.load(_key(file, part)) or data
        # From here on the header reads its arrays from the map on disk, which takes no memory of its own; those of a
        # broken one from memory, so that nothing is fetched behind a page's back.
        header = read_header(Beginning(data, size), partial=partial).with_problems(header.problems)
        return RemoteHeader(header, file, data, kept_in, requests, transferred, cached=False)

    def kept(self, file: RemoteFile, part: ByteRange | None = None) -> RemoteHeader | None:
        """The header of a file whose ETag (or sha256) and size are known, if it was read before: no request."""
        data = self._store.load(_key(file, part))
        if data is None:
            return None
        try:
            header = read_header(Beginning(data, part.size if part else file.size))
        except FileFormatError:
            return None
        return RemoteHeader(header, file, data, self._store.path(_key(file, part)), 0, 0, cached=True)

    def first_kilobytes(
        self,
        repo: str,
        path: str,
        revision: str | None = None,
        *,
        cancelled: Cancelled = never,
    ) -> RemoteHeader:
        """What the first 64 KB tell: architecture, counts and ``header.unfinished``, enough for an estimate.

        Takes a kept header instead when there is one. Raises as :meth:`read`.
        """
        kept: RemoteHeader | None = None

        def known(file: RemoteFile) -> bool:
            nonlocal kept
            kept = self.kept(file)
            return kept is not None

        with SequentialSource(self._client, repo, path, revision, known=known, cancelled=cancelled) as source:
            if kept is not None:
                return _with_cost(kept, source)
            source.window(0, FIRST_WINDOW)
            data = source.read_so_far[:FIRST_WINDOW]
            file, requests, transferred = source.remote, source.requests, source.transferred_bytes
        header = read_header(Beginning(data, file.size), partial=True)
        return RemoteHeader(header, file, data, None, requests, transferred, cached=False)


class Beginning:
    """The beginning of a file of ``size`` bytes, as a byte source that says so when more is wanted."""

    def __init__(self, data: memoryview, size: int) -> None:
        self._data = data
        self._size = size

    @property
    def size(self) -> int:
        return self._size

    def window(self, offset: int, at_least: int) -> memoryview:
        """See ``ByteSource``; FileFormatError beyond what is at hand."""
        if min(offset + at_least, self._size) > len(self._data):
            raise FileFormatError(
                tr("Only the first {data:,} bytes of this file were fetched.", data=len(self._data)),
                tr("Let Heft read the whole header."),
                offset=len(self._data),
            )
        return self._data[offset:]


def _key(file: RemoteFile, part: ByteRange | None) -> str:
    """What a header is kept under; "" for a file without an ETag, which is not kept."""
    return f"{file.etag} at {part.offset}" if part and file.etag else file.etag


def _with_cost(kept: RemoteHeader, source: SequentialSource) -> RemoteHeader:
    return RemoteHeader(
        kept.header, source.remote, kept.data, kept.path, source.requests, source.transferred_bytes, cached=True
    )


def _planned(have: memoryview, size: int) -> int:
    """Up to which byte the next range goes: where the header probably ends."""
    expected = expected_header_bytes(Beginning(have, size))
    return expected if expected > len(have) else len(have) + max(256 << 10, len(have) // 4)
