"""A file on the Hub as a byte source with windows anywhere: for formats whose directory lies at their end."""

from __future__ import annotations

from collections.abc import Callable

from desktop.core.errors import FileFormatError
from desktop.hub.client import HubClient, RemoteFile
from desktop.hub.errors import CancelledError, half_an_answer

WINDOW = 64 << 10
_KEPT = 8  # windows remembered
_MAX_BYTES = 48 << 20  # of one file, all windows together


class AnywhereSource:
    """Random access by HTTP ranges with ``ByteSource``'s windows. Used by one thread."""

    def __init__(
        self,
        client: HubClient,
        repo: str,
        path: str,
        revision: str | None = None,
        *,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        """Fetches the first window. Raises HubError."""
        self._client = client
        self._repo, self._path, self._revision = repo, path, revision
        self._cancelled = cancelled
        self._windows: dict[int, memoryview] = {}
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
        return self._fetch(offset, max(wanted, WINDOW))

    def _fetch(self, first: int, count: int) -> memoryview:
        if self._cancelled():
            raise CancelledError
        if self.transferred_bytes + count > _MAX_BYTES:
            raise FileFormatError(
                f"To say more of this file, over {_MAX_BYTES >> 20} MiB of it would have to be fetched.",
                "Download the file and inspect it here.",
                offset=first,
            )
        opened = self._client.opened(
            self._repo, self._path, self._revision,
            first=first, last=first + count - 1, location=self._file.location if self._file else "", sent=self._sent,
        )  # fmt: skip
        with opened as (file, response):
            self._file = self._file or file
            assert response is not None
            count = min(count, max(0, file.size - first))
            # A server that ignores ranges sends the file from its start.
            skip = 0 if response.status_code == 206 else first
            if skip > _MAX_BYTES:
                raise half_an_answer(f"the whole file instead of bytes {first:,} to {first + count:,}")
            data = bytearray()
            for chunk in response.iter_raw():
                data += chunk
                self.transferred_bytes += len(chunk)
                if len(data) >= skip + count or self._cancelled():
                    break
        if self._cancelled():
            raise CancelledError
        if len(data) < skip + count:
            raise half_an_answer(f"{len(data):,} of {skip + count:,} bytes")
        view = memoryview(bytes(data[skip : skip + count]))
        while len(self._windows) >= _KEPT:
            del self._windows[next(iter(self._windows))]
        self._windows[first] = view
        return view

    def _sent(self) -> None:
        self.requests += 1
