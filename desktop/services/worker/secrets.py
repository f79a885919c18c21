"""The secrets of other computers' workers, kept as :mod:`desktop.services.kept_key` keeps keys."""

from __future__ import annotations

import threading
from pathlib import Path

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.services.kept_key import KeptKey, KeyringLockedError, Place
from desktop.store.workers import SavedWorker


class WorkerSecrets:
    """By the fingerprint of the worker's certificate. Thread-safe; the keyring is asked once for each."""

    def __init__(self, folder: Path) -> None:
        """``folder`` takes a file for each where there is no keyring."""
        self._folder = folder
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}

    def get(self, worker: SavedWorker) -> str:
        """Raises HeftError (key-wrong) where it is not known, or the keyring stays locked."""
        with self._lock:
            if known := self._known.get(worker.fingerprint):
                return known
        try:
            secret = self._kept(worker.fingerprint).read()
        except KeyringLockedError:
            secret = ""
        if not secret:
            raise HeftError(
                tr("The key of {name} is not known here any more.", name=worker.name),
                tr("Add it again by the line that 'heft worker' prints there."),
                kind=FailureKind.KEY_WRONG,
                settings_page="workers",
            )
        with self._lock:
            self._known[worker.fingerprint] = secret
        return secret

    def keep(self, fingerprint: str, secret: str) -> Place:
        """Keep it and say where. StoreError where it cannot be kept."""
        place = self._kept(fingerprint).keep(secret)
        with self._lock:
            self._known[fingerprint] = secret
        return place

    def forget(self, fingerprint: str) -> None:
        """Remove it. HeftError (no-keyring) when the keyring keeps it, StoreError."""
        with self._lock:
            self._known.pop(fingerprint, None)
        self._kept(fingerprint).forget()

    def _kept(self, fingerprint: str) -> KeptKey:
        return KeptKey(f"worker {fingerprint}", self._folder / fingerprint)
