"""The key that clients of the server send: made here, kept as :mod:`desktop.services.kept_key` keeps keys."""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from pathlib import Path

from desktop.core.errors import HeftError, StoreError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.services.kept_key import KeptKey, KeyringLockedError, Place

_PREFIX = "heft-"
_RANDOM_BYTES = 24
_FILE = "serve-key"


class ServeKey:
    """The one key of a Heft folder. Thread-safe. The keyring may ask the person to unlock it: not on the GUI thread."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is that of Heft's own data."""
        account = f"serve {hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:16]}"
        self._kept = KeptKey(account, folder / _FILE)
        self._lock = threading.Lock()

    def get(self) -> str:
        """The key, made if there is none. HeftError where the keyring that holds it is locked, StoreError."""
        with self._lock:
            return self._read() or self._keep(_made())

    def new(self) -> str:
        """Another key in the place of the present one, which counts no longer. StoreError where it cannot be kept."""
        with self._lock:
            return self._keep(_made())

    @property
    def place(self) -> Place:
        """Where it lies."""
        return self._kept.place

    @property
    def file(self) -> Path:
        """The file that holds it where there is no keyring."""
        return self._kept.file

    def _read(self) -> str:
        try:
            return self._kept.read()
        except KeyringLockedError as error:  # it may hold a key that clients know: another one would shut them out
            raise HeftError(
                tr("The keyring that holds the key is locked."),
                tr("Unlock it, then switch on again."),
                kind=FailureKind.NO_KEYRING,
                settings_page="serve",
                detail=type(error).__name__,
            ) from error
        except StoreError as error:
            raise StoreError(error.message, tr("Make a new one: heft serve key --new"), detail=error.detail) from error

    def _keep(self, key: str) -> str:
        self._kept.keep(key)
        return key


def _made() -> str:
    return _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
