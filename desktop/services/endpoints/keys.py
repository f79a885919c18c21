"""Keys of other servers, kept as :mod:`desktop.services.kept_key` keeps keys; never in a log or a message."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from pathlib import Path

from desktop.core.errors import StoreError, UsageError
from desktop.core.words import tr
from desktop.services.kept_key import KeptKey, KeyringLockedError, Place

_KEY = re.compile(r"[\x21-\x7e]{1,4096}")  # what a header takes
VARIABLE = "HEFT_ENDPOINT_KEY_"


def variable_of(name: str) -> str:
    """The environment variable that holds a server's key, before the one that is kept."""
    return VARIABLE + re.sub(r"[^A-Z0-9]", "_", name.upper())


class EndpointKeys:
    """A key belongs to the address that it was given for, so that it goes nowhere else. Thread-safe.

    The keyring is asked once per address; it may ask the person to unlock it.
    """

    def __init__(self, folder: Path) -> None:
        """``folder`` takes a file for each key where there is no keyring."""
        self._folder = folder
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}

    def get(self, url: str, name: str = "") -> str:
        """The key to send, "" for none: that of the environment first, under the server's ``name``."""
        if name and (given := os.environ.get(variable_of(name), "").strip()):
            return given
        with self._lock:
            if url not in self._known:
                try:
                    self._known[url] = self._kept(url).read()
                except (KeyringLockedError, StoreError):  # asked without it, the server says that it wants one
                    return ""
            return self._known[url]

    def set(self, url: str, key: str) -> Place:
        """Keep a key and say where. UsageError, StoreError where it cannot be kept."""
        key = checked(key)
        with self._lock:
            place = self._kept(url).keep(key)
            self._known[url] = key
            return place

    def forget(self, url: str) -> None:
        """Remove a key. HeftError (no-keyring) when the keyring keeps it, StoreError."""
        with self._lock:
            self._known[url] = ""
            self._kept(url).forget()

    def _kept(self, url: str) -> KeptKey:
        return KeptKey(f"server {url}", self._folder / hashlib.sha256(url.encode()).hexdigest()[:32])


def checked(key: str) -> str:
    """A key as it is sent. UsageError for a text that can be none."""
    key = key.strip()
    if not _KEY.fullmatch(key):
        raise UsageError(tr("This is no key: it has spaces or signs in it that no key has."), tr("Copy it once more."))
    return key
