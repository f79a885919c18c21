"""Keys of other servers: in the keyring of the operating system or in memory, never in a file, a log or a message."""

from __future__ import annotations

import os
import re
import threading
from typing import Literal

from desktop.core.errors import HeftError, UsageError
from desktop.core.failures import FailureKind

Kept = Literal["keyring", "session"]
_SERVICE = "heft"
_KEY = re.compile(r"[\x21-\x7e]{1,4096}")  # what a header takes
VARIABLE = "HEFT_ENDPOINT_KEY_"


def variable_of(name: str) -> str:
    """The environment variable that holds a server's key: for computers without a keyring."""
    return VARIABLE + re.sub(r"[^A-Z0-9]", "_", name.upper())


class EndpointKeys:
    """A key belongs to the address that it was given for, so that it goes nowhere else. Thread-safe.

    The keyring is asked once per address; it may ask the person to unlock it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}

    def get(self, url: str, name: str = "") -> str:
        """The key to send, "" for none: that of the environment first, under the server's ``name``."""
        if name and (given := os.environ.get(variable_of(name), "").strip()):
            return given
        with self._lock:
            if url not in self._known:
                self._known[url] = _from_keyring(url)
            return self._known[url]

    def set(self, url: str, key: str) -> Kept:
        """Keep a key; "session" where there is no keyring, and it lasts until the program ends."""
        key = checked(key)
        with self._lock:
            self._known[url] = key
        try:
            _put(url, key)
        except _NoKeyringError:
            return "session"
        return "keyring"

    def forget(self, url: str) -> None:
        """Remove a key. HeftError (no-keyring) when the keyring keeps it."""
        import keyring
        from keyring.errors import KeyringError, PasswordDeleteError

        with self._lock:
            self._known[url] = ""
        try:
            keyring.delete_password(_SERVICE, _account(url))
        except PasswordDeleteError:
            pass  # there was none
        except (KeyringError, RuntimeError) as error:
            if _from_keyring(url):
                raise HeftError(
                    "The keyring does not let go of this server's key.",
                    "Remove it with the system's own program for passwords.",
                    kind=FailureKind.NO_KEYRING,
                    detail=type(error).__name__,
                ) from error


def checked(key: str) -> str:
    """A key as it is sent. UsageError for a text that can be none."""
    key = key.strip()
    if not _KEY.fullmatch(key):
        raise UsageError("This is no key: it has spaces or signs in it that no key has.", "Copy it once more.")
    return key


class _NoKeyringError(Exception):
    """There is none, it is locked, or it keeps nothing."""


def _put(url: str, key: str) -> None:
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.set_password(_SERVICE, _account(url), key)
        kept = keyring.get_password(_SERVICE, _account(url))
    except (KeyringError, RuntimeError) as error:
        raise _NoKeyringError from error
    if kept != key:  # the "null" keyring takes everything and keeps nothing
        raise _NoKeyringError


def _from_keyring(url: str) -> str:
    import keyring
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(_SERVICE, _account(url)) or ""
    except (KeyringError, RuntimeError):  # none installed, locked, or its service does not answer
        return ""


def _account(url: str) -> str:
    return f"server {url}"
