"""Other computers that lend their devices: names, addresses and fingerprints, and how quick the way there was."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from desktop.core.errors import StoreError
from desktop.core.link import Link
from desktop.core.words import tr
from desktop.system.atomic import write_atomically

_VERSION = 1


class SavedWorker(msgspec.Struct, frozen=True):
    """A worker. ``fingerprint`` is that of its certificate; ``link`` was measured last, None: never."""

    name: str
    host: str
    port: int
    fingerprint: str
    link: Link | None = None


class _Document(msgspec.Struct):
    version: int = _VERSION
    workers: tuple[SavedWorker, ...] = ()


class WorkerStore:
    """Thread-safe. Commands write the same file, so it is read each time; one that nobody can read counts as empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def all(self) -> tuple[SavedWorker, ...]:
        """In the order in which they were added."""
        with self._lock:
            return self._read()

    def change(self, change: Callable[[tuple[SavedWorker, ...]], tuple[SavedWorker, ...]]) -> None:
        """Write what ``change`` makes of them. StoreError where it cannot be written."""
        with self._lock:
            before = self._read()
            after = change(before)
            if after == before:
                return
            try:
                write_atomically(self._path, msgspec.json.format(msgspec.json.encode(_Document(workers=after))))
            except OSError as error:
                raise StoreError(
                    tr("Heft could not remember this computer: {strerror}", strerror=error.strerror or error),
                    tr("Check the free space and the permissions of {parent}.", parent=self._path.parent),
                    detail=f"{self._path}: {error}",
                ) from error

    def _read(self) -> tuple[SavedWorker, ...]:
        try:
            document = msgspec.json.decode(self._path.read_bytes(), type=_Document)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return ()
        return document.workers if document.version == _VERSION else ()
