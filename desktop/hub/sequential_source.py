"""A file on the Hub as a byte source: fetched by range, in order, only as far as the parser asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

from desktop.core.cancelled import Cancelled, never, raise_if_cancelled
from desktop.core.errors import FileFormatError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.hub.byte_ranges import ByteRange
from desktop.hub.client import HubClient, RemoteFile, first_byte
from desktop.hub.errors import HubError, half_an_answer

FIRST_WINDOW = 64 << 10  # holds architecture, counts and the length of the vocabulary
MAX_HEADER = 64 << 20  # bytes; the largest known header has 18 MB
_GROWTH = 1.5
_RETRIES = 2  # broken connections of one reader that are mended without a word

Plan = Callable[[memoryview, int], int]


def doubling(have: memoryview, _size: int) -> int:
    """The plan of a reader that knows nothing of the content: half as much again."""
    return int(len(have) * _GROWTH) + FIRST_WINDOW


class SequentialSource:
    """A forward reader over HTTP ranges with ``ByteSource``'s windows. Used by one thread; close it after use.

    Bytes are read from the open response only when they are asked for and the connection is closed at the end,
    so a window that was planned too long costs what was under way, not its length. ``plan(have, size)`` says up
    to which byte the next range goes, from what has been read so far. A server that ignores ranges is read from
    its start, no further than asked.
    """

    def __init__(
        self,
        client: HubClient,
        repo: str,
        path: str,
        revision: str | None = None,
        *,
        part: ByteRange | None = None,
        first_window: int = FIRST_WINDOW,
        plan: Plan = doubling,
        known: Callable[[RemoteFile], bool] = lambda _: False,
        cancelled: Cancelled = never,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Opens the file. When ``known`` says of it that its bytes are not needed, none are read (``skipped``).

        With ``part``, offsets and size are those within it. ``progress`` hears the number of bytes read so far.
        Raises HubError.
        """
        self._client = client
        self._repo, self._path, self._revision = repo, path, revision
        self._part = part
        self._plan = plan
        self._cancelled = cancelled
        self._progress = progress
        self._stack = ExitStack()
        self._chunks: Iterator[bytes] | None = None
        self._buffer = bytearray()
        self._filled = 0
        self._fruitless = True  # whether the open answer has brought nothing yet
        self._retries = _RETRIES
        self._drop = 0  # bytes of the open response that were read before
        self.requests = 0
        self.transferred_bytes = 0
        self.file: RemoteFile | None = None
        self._open(0, first_window, known)

    def __enter__(self) -> SequentialSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def skipped(self) -> bool:
        """Whether nothing was read because the caller knows the file."""
        return self._chunks is None and not self._filled

    @property
    def size(self) -> int:
        whole = self.remote.size
        return whole if self._part is None else max(0, min(self._part.size, whole - self._part.offset))

    @property
    def remote(self) -> RemoteFile:
        """What the Hub said of the file."""
        assert self.file is not None
        return self.file

    @property
    def read_so_far(self) -> memoryview:
        """The beginning of the file (or its part), as far as it was read."""
        return memoryview(self._buffer)[: self._filled].toreadonly()

    def window(self, offset: int, at_least: int) -> memoryview:
        """See ``ByteSource``. Raises HubError, and FileFormatError beyond MAX_HEADER."""
        end = min(offset + at_least, self.size)
        if end > MAX_HEADER:
            raise FileFormatError(
                tr(
                    "The header reaches beyond {max_header} MiB, which is more than any known model has.",
                    max_header=MAX_HEADER >> 20,
                ),
                tr("It is damaged or was made wrongly; look for another file of this model."),
                offset=offset,
            )
        while self._filled < end:
            self._read(end)
        return memoryview(self._buffer)[offset : self._filled].toreadonly()

    def close(self) -> None:
        """Drop the connection, if one is open."""
        self._chunks = None
        self._stack.close()

    def _read(self, needed: int) -> None:
        raise_if_cancelled(self._cancelled)
        if self._chunks is None:
            end = min(max(needed, self._plan(self.read_so_far, self.size)), self.size, MAX_HEADER)
            self._open(self._filled, end)
        assert self._chunks is not None
        try:
            chunk = next(self._chunks, b"")
        except Exception as error:  # noqa: BLE001 - put into words by the client, or raised again
            self._mend(error)
            return
        if not chunk:
            self._mend(None)
            return
        self._fruitless = False
        self.transferred_bytes += len(chunk)
        dropped = min(self._drop, len(chunk))
        self._drop -= dropped
        self._append(chunk[dropped:])
        self._progress(self._filled)

    def _mend(self, error: Exception | None) -> None:
        """After an answer ended or broke: let go of it, so that the next read asks for the rest."""
        stack, self._stack, self._chunks = self._stack, ExitStack(), None
        if error is None:
            stack.close()
            if self._fruitless:
                raise half_an_answer(f"no bytes from {self._filled:,} on")
            return
        try:
            stack.__exit__(type(error), error, error.__traceback__)
        except HubError as told:  # the client's words for it
            self._retries -= 1
            if self._retries < 0 or told.kind != FailureKind.INTERRUPTED:  # a timeout was wait enough
                raise
            return
        raise error

    def _open(self, first: int, end: int, known: Callable[[RemoteFile], bool] = lambda _: False) -> None:
        def sent() -> None:
            self.requests += 1

        location = self.file.location if self.file else ""
        origin = self._part.offset if self._part else 0
        first += origin
        found, response = self._stack.enter_context(
            self._client.opened(
                self._repo, self._path, self._revision,
                first=first, last=origin + end - 1, location=location, sent=sent, enough=known,
            )
        )  # fmt: skip
        self.file = self.file or found
        if response is None:
            self.close()
            return
        start = first_byte(response)
        if start > first or first - start > MAX_HEADER or found.size != self.file.size:
            self.close()
            raise half_an_answer(f"bytes from {start:,} of {found.size:,} where {first:,} was asked for")
        self._drop = first - start
        self._fruitless = True
        self._chunks = response.iter_raw()

    def _append(self, chunk: bytes) -> None:
        needed = self._filled + len(chunk)
        if needed > len(self._buffer):
            # Views of the old buffer stay valid: it lives as long as they do.
            grown = bytearray(max(needed, 2 * len(self._buffer)))
            grown[: self._filled] = self._buffer[: self._filled]
            self._buffer = grown
        self._buffer[self._filled : needed] = chunk
        self._filled = needed
