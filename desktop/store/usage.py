"""When each model was last used: one small JSON file, written atomically."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import msgspec

from desktop.core.errors import StoreError
from desktop.core.words import tr
from desktop.system.atomic import write_atomically

SCHEMA_VERSION = 1


class _Document(msgspec.Struct):
    schema_version: int = SCHEMA_VERSION
    last_used: dict[str, float] = msgspec.field(default_factory=dict)


class UsageStore:
    """Seconds since the epoch by model path. Safe to use from several threads."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()

    def last_used(self) -> dict[str, float]:
        """All known times; none when the file is missing or damaged."""
        with self._lock:
            return self._load().last_used

    def note(self, path: Path, when: float) -> None:
        """Remember that a model was used; StoreError when it cannot be written."""
        with self._lock:
            document = self._load()
            document.last_used[str(path)] = when
            try:
                write_atomically(self._file, msgspec.json.encode(document))
            except UnicodeEncodeError:
                return  # JSON has no place for a name that is no Unicode
            except OSError as error:
                raise StoreError(
                    tr("Heft could not remember when this model was used."),
                    tr("Check the permissions of {parent}.", parent=self._file.parent),
                    detail=str(error),
                ) from error

    def _load(self) -> _Document:
        with contextlib.suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return msgspec.json.decode(self._file.read_bytes(), type=_Document)
        return _Document()
