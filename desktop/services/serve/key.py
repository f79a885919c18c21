"""The key that clients of the server send: made here, kept by the system's keyring, in a file where there is none."""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from pathlib import Path
from typing import Literal

from desktop.core.errors import HeftError, StoreError
from desktop.core.failures import FailureKind
from desktop.system.atomic import write_atomically

Place = Literal["keyring", "file"]

_SERVICE = "heft"
_PREFIX = "heft-"
_RANDOM_BYTES = 24
_FILE = "serve-key"


class ServeKey:
    """The one key of a Heft folder. Thread-safe. The keyring may ask the person to unlock it: not on the GUI thread."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is that of Heft's own data."""
        self._file = folder / _FILE
        self._name = f"serve {hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:16]}"
        self._lock = threading.Lock()

    def get(self) -> str:
        """The key, made if there is none. HeftError where the keyring that holds it is locked, StoreError."""
        with self._lock:
            return self._from_file() or self._from_keyring() or self._keep(_made())

    def new(self) -> str:
        """Another key in the place of the present one, which counts no longer. StoreError where it cannot be kept."""
        with self._lock:
            return self._keep(_made())

    @property
    def place(self) -> Place:
        """Where it lies."""
        return "file" if self._file.exists() else "keyring"

    @property
    def file(self) -> Path:
        """The file that holds it where there is no keyring."""
        return self._file

    def _from_file(self) -> str:
        try:
            return self._file.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return ""
        except (OSError, ValueError) as error:
            raise StoreError(
                f"The key in {self._file} cannot be read.",
                "Make a new one: heft serve key --new",
                detail=repr(error),
            ) from error

    def _from_keyring(self) -> str:
        import keyring
        from keyring.errors import KeyringError, KeyringLocked

        try:
            return keyring.get_password(_SERVICE, self._name) or ""
        except KeyringLocked as error:  # it may hold a key that clients know: another one would shut them out
            raise HeftError(
                "The keyring that holds the key is locked.",
                "Unlock it, then switch on again.",
                kind=FailureKind.NO_KEYRING,
                settings_page="serve",
                detail=type(error).__name__,
            ) from error
        except (KeyringError, RuntimeError):  # none installed, or its service does not answer
            return ""

    def _keep(self, key: str) -> str:
        import keyring
        from keyring.errors import KeyringError

        try:
            keyring.set_password(_SERVICE, self._name, key)
            kept = keyring.get_password(_SERVICE, self._name) == key  # the "null" keyring takes all and keeps nothing
        except (KeyringError, RuntimeError):
            kept = False
        try:
            if kept:
                self._file.unlink(missing_ok=True)
            else:
                write_atomically(self._file, f"{key}\n".encode("ascii"))
        except OSError as error:
            raise StoreError(
                f"The key could not be kept: {error.strerror or error}",
                f"Check the free space and the permissions of {self._file.parent}.",
                detail=f"{self._file}: {error!r}",
                settings_page="data",
            ) from error
        return key


def _made() -> str:
    return _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
