"""What a person added and named, in one small file: other servers, other computers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec

from desktop.core.errors import StoreError
from desktop.core.words import tr
from desktop.system.atomic import write_atomically

_VERSION = 1


class Named(Protocol):
    """A frozen struct with a name."""

    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


class SavedList(Generic[T]):
    """Thread-safe. Commands write the same file, so it is read each time; one that nobody can read counts as empty."""

    def __init__(self, path: Path, kind: type[T], field: str, what: str) -> None:
        """``field`` has the entries, structs of one ``kind``; ``what`` is one of them, in words: "this server"."""
        self._path, self._kind, self._field, self._what = path, kind, field, what
        self._lock = threading.Lock()

    def all(self) -> tuple[T, ...]:
        """In the order in which they were added."""
        with self._lock:
            return self._read()

    def change(self, change: Callable[[tuple[T, ...]], tuple[T, ...]]) -> None:
        """Write what ``change`` makes of them. StoreError where it cannot be written."""
        with self._lock:
            before = self._read()
            after = change(before)
            if after == before:
                return
            document = {"version": _VERSION, self._field: after}
            try:
                write_atomically(self._path, msgspec.json.format(msgspec.json.encode(document)))
            except OSError as error:
                raise StoreError(
                    tr("Heft could not remember {what}: {strerror}", what=self._what, strerror=error.strerror or error),
                    tr("Check the free space and the permissions of {parent}.", parent=self._path.parent),
                    detail=f"{self._path}: {error}",
                ) from error

    def _read(self) -> tuple[T, ...]:
        try:
            document = msgspec.json.decode(self._path.read_bytes(), type=dict[str, msgspec.Raw])
            if msgspec.json.decode(document.get("version", msgspec.Raw(b"1"))) != _VERSION:
                return ()
            entries = document.get(self._field, msgspec.Raw(b"[]"))
            return tuple(msgspec.json.decode(entries, type=list[self._kind]))  # type: ignore[name-defined]
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return ()
