"""Other servers by name and address, with the models that each was seen to offer; keys are kept elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from desktop.core.errors import StoreError
from desktop.core.words import tr
from desktop.system.atomic import write_atomically

_VERSION = 1


class SavedEndpoint(msgspec.Struct, frozen=True):
    """A server. ``models`` are those that it offered when it was last asked and can write answers."""

    name: str
    url: str
    models: tuple[str, ...] = ()


class _Document(msgspec.Struct):
    version: int = _VERSION
    endpoints: tuple[SavedEndpoint, ...] = ()


class EndpointStore:
    """Thread-safe. Commands write the same file, so it is read each time; one that nobody can read counts as empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def all(self) -> tuple[SavedEndpoint, ...]:
        """In the order in which they were added."""
        with self._lock:
            return self._read()

    def change(self, change: Callable[[tuple[SavedEndpoint, ...]], tuple[SavedEndpoint, ...]]) -> None:
        """Write what ``change`` makes of them. StoreError where it cannot be written."""
        with self._lock:
            before = self._read()
            after = change(before)
            if after == before:
                return
            try:
                written = msgspec.json.format(msgspec.json.encode(_Document(endpoints=after)))
                write_atomically(self._path, written)
            except OSError as error:
                raise StoreError(
                    tr("Heft could not remember this server: {strerror}", strerror=error.strerror or error),
                    tr("Check the free space and the permissions of {parent}.", parent=self._path.parent),
                    detail=f"{self._path}: {error}",
                ) from error

    def _read(self) -> tuple[SavedEndpoint, ...]:
        try:
            document = msgspec.json.decode(self._path.read_bytes(), type=_Document)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return ()
        return document.endpoints if document.version == _VERSION else ()
