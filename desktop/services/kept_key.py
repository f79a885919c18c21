"""Where keys are kept: in the system's keyring, in a file that only the user can read where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from desktop.core.errors import HeftError, StoreError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.system.atomic import write_atomically

Place = Literal["keyring", "file"]
_SERVICE = "heft"


class KeyringLockedError(Exception):
    """It is locked, so that what it holds is not known."""


class KeptKey:
    """One key. Not thread-safe: its owner has the lock. The keyring may ask the person to unlock it."""

    def __init__(self, account: str, file: Path) -> None:
        """``account`` is its name in the keyring, ``file`` its place where there is none."""
        self._account, self.file = account, file

    @property
    def place(self) -> Place:
        """Where it lies."""
        return "file" if self.file.exists() else "keyring"

    def read(self) -> str:
        """The key, "" for none. KeyringLockedError; StoreError for a file that is there and cannot be read."""
        try:
            return self.file.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return self._from_keyring()
        except (OSError, ValueError) as error:
            raise StoreError(
                tr("The key in {file} cannot be read.", file=self.file),
                tr("Give another one in its place."),
                detail=repr(error),
            ) from error

    def keep(self, key: str) -> Place:
        """Keep it, in the place of the present one, and say where. StoreError where it cannot be kept."""
        kept = self._to_keyring(key)
        try:
            if kept:
                self.file.unlink(missing_ok=True)
            else:
                write_atomically(self.file, f"{key}\n".encode("ascii"))  # mode 0600
        except OSError as error:
            raise self._unwritable("The key could not be kept", error) from error
        return "keyring" if kept else "file"

    def forget(self) -> None:
        """Remove it wherever it lies. HeftError (no-keyring) when the keyring keeps it, StoreError for the file."""
        import keyring
        from keyring.errors import KeyringError, PasswordDeleteError

        try:
            self.file.unlink(missing_ok=True)
        except OSError as error:
            raise self._unwritable("The key could not be removed", error) from error
        try:
            keyring.delete_password(_SERVICE, self._account)
        except PasswordDeleteError:
            pass  # there was none
        except (KeyringError, RuntimeError) as error:
            if self._still_held():
                raise HeftError(
                    tr("The keyring does not let go of this key."),
                    tr("Remove it with the system's own program for passwords."),
                    kind=FailureKind.NO_KEYRING,
                    detail=type(error).__name__,
                ) from error

    # -- inside ----------------------------------------------------------------------------------

    def _from_keyring(self) -> str:
        import keyring
        from keyring.errors import KeyringError, KeyringLocked

        try:
            return keyring.get_password(_SERVICE, self._account) or ""
        except KeyringLocked as error:
            raise KeyringLockedError from error
        except (KeyringError, RuntimeError):  # none installed, or its service does not answer
            return ""

    def _still_held(self) -> bool:
        try:
            return bool(self._from_keyring())
        except KeyringLockedError:
            return False  # it cannot be known

    def _to_keyring(self, key: str) -> bool:
        import keyring
        from keyring.errors import KeyringError

        try:
            keyring.set_password(_SERVICE, self._account, key)
            return keyring.get_password(_SERVICE, self._account) == key  # the "null" keyring keeps nothing
        except (KeyringError, RuntimeError):
            return False

    def _unwritable(self, what: str, error: OSError) -> StoreError:
        return StoreError(
            f"{what}: {error.strerror or error}",
            tr("Check the free space and the permissions of {parent}.", parent=self.file.parent),
            detail=f"{self.file}: {error!r}",
            settings_page="data",
        )
