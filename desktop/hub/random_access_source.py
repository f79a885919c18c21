"""A file on the Hub as a byte source with windows anywhere: for formats whose directory lies at their end."""

from __future__ import annotations

from desktop.core.cancelled import Cancelled, never, raise_if_cancelled
from desktop.core.errors import FileFormatError
from desktop.core.words import tr
from desktop.hub.client import HubClient, RemoteFile, first_byte
from desktop.hub.errors import half_an_answer

WINDOW = 64 << 10
_LARGEST_WINDOW = 2 << 20  # of a reader that goes on and on; more only where it asks for more at once
_KEPT = 8  # windows remembered
_MAX_BYTES = 48 << 20  # of one file, all windows together
_MAX_WINDOWS = 64  # of one file: 24 of them hold _MAX_BYTES when they are read in order


class RandomAccessSource:
    """Random access by HTTP ranges with ``ByteSource``'s windows. Used by one thread.

    A window that continues the one before it is twice as long, so that reading in order takes few requests. Bytes and
    requests of one file are limited: a file made to lead a reader to and fro ends as one that is not read further.
    """

    def __init__(
        self,
        client: HubClient,
        repo: str,
        path: str,
        revision: str | None = None,
        *,
        cancelled: Cancelled = never,
    ) -> None:
        """Fetches the first window. Raises HubError."""
        self._client = client
        self._repo, self._path, self._revision = repo, path, revision
        self._cancelled = cancelled
        self._windows: dict[int, memoryview] = {}
        self._last = range(0)  # bytes of the window fetched last
        self._length = WINDOW  # of it, had no more been asked for
        self._left = _MAX_WINDOWS
        self.requests = 0
        self.transferred_bytes = 0
        self._file: RemoteFile | None = None
        self._fetch(0, WINDOW)

    @property
    def remote(self) -> RemoteFile:
        """What the Hub said of the file."""
        assert self._file is not None
        return self._file

    @property
    def size(self) -> int:
        return self.remote.size

    def window(self, offset: int, at_least: int) -> memoryview:
        """See ``ByteSource``. Raises HubError, and FileFormatError when more is wanted than a look may cost."""
        wanted = min(at_least, max(0, self.size - offset))
        if not wanted:
            return memoryview(b"")
        for start, kept in self._windows.items():
            if start <= offset and offset + wanted <= start + len(kept):
                return kept[offset - start :]
        goes_on = self._last.start <= offset <= self._last.stop
        self._length = min(2 * self._length, _LARGEST_WINDOW) if goes_on else WINDOW
        return self._fetch(offset, max(wanted, min(self._length, self.size - offset)))

    def _fetch(self, first: int, count: int) -> memoryview:
        raise_if_cancelled(self._cancelled)
        if self.transferred_bytes + count > _MAX_BYTES or not self._left:
            raise FileFormatError(
                tr(
                    "To say more of this file, over {max_bytes} MiB of it would have to be fetched.",
                    max_bytes=_MAX_BYTES >> 20,
                )
                if self._left
                else tr(
                    "To say more of this file, over {max_windows} parts of it would have to be fetched.",
                    max_windows=_MAX_WINDOWS,
                ),
                tr("Download the file and inspect it here."),
                offset=first,
            )
        self._left -= 1
        self._last = range(first, first + count)
        opened = self._client.opened(
            self._repo, self._path, self._revision,
            first=first, last=first + count - 1, location=self._file.location if self._file else "", sent=self._sent,
        )  # fmt: skip
        with opened as (file, response):
            self._file = self._file or file
            if response is None:  # the file is empty
                return memoryview(b"")
            count = min(count, max(0, file.size - first))
            skip = first - first_byte(response)  # a server that ignores ranges sends the file from its start
            if not 0 <= skip <= _MAX_BYTES or file.size != self._file.size:
                raise half_an_answer(f"other bytes than {first:,} to {first + count:,} of {self._file.size:,}")
            data = bytearray()
            for chunk in response.iter_raw():
                data += chunk
                self.transferred_bytes += len(chunk)
                if len(data) >= skip + count or self._cancelled():
                    break
        raise_if_cancelled(self._cancelled)
        if len(data) < skip + count:
            raise half_an_answer(f"{len(data):,} of {skip + count:,} bytes")
        view = memoryview(bytes(data[skip : skip + count]))
        while len(self._windows) >= _KEPT:
            del self._windows[next(iter(self._windows))]
        self._windows[first] = view
        return view

    def _sent(self) -> None:
        self.requests += 1
