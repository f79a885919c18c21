"""Small files of a repo, read into memory: settings, lists of shards, the beginning of the model card."""

from __future__ import annotations

from desktop.core.cancelled import Cancelled, never, raise_if_cancelled
from desktop.hub.client import HubClient


class SmallFiles:
    """Reads files of one repo and counts what that takes. Used by one thread."""

    def __init__(
        self,
        client: HubClient,
        repo: str,
        revision: str | None = None,
        *,
        cancelled: Cancelled = never,
    ) -> None:
        self._client = client
        self._repo, self._revision = repo, revision
        self._cancelled = cancelled
        self.requests = 0
        self.transferred_bytes = 0

    def read(self, path: str, limit: int) -> bytes:
        """The first ``limit`` bytes of a file that is not empty, all of it where it is shorter. Raises HubError."""
        data = bytearray()
        opened = self._client.opened(self._repo, path, self._revision, first=0, last=limit - 1, sent=self._sent)
        with opened as (_, response):
            for chunk in response.iter_raw() if response is not None else ():  # None: the file is empty
                data += chunk
                raise_if_cancelled(self._cancelled)
                if len(data) >= limit:
                    break
        self.transferred_bytes += len(data)
        return bytes(data[:limit])

    def _sent(self) -> None:
        raise_if_cancelled(self._cancelled)
        self.requests += 1
