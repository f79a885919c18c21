"""What is remembered of how each model is loaded: one small JSON file, by the model's identity."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec

from desktop.core.errors import StoreError
from desktop.core.load_settings import LoadSettings
from desktop.core.text import encodable
from desktop.system.atomic import write_atomically

_VERSION = 1


class _Document(msgspec.Struct):
    version: int = _VERSION
    models: dict[str, LoadSettings] = {}


class LoadSettingsStore:
    """Thread-safe. A file that cannot be understood counts as empty: what was remembered is a convenience."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def get(self, identity: str) -> LoadSettings:
        """What was set for a model (:class:`desktop.core.model_ref.ModelRef`); nothing set for one never seen."""
        with self._lock:
            return self._read().models.get(encodable(identity), LoadSettings())

    def set(self, identity: str, settings: LoadSettings) -> None:
        """Remember settings, or forget the model where all is unset. StoreError when they cannot be written."""
        with self._lock:
            document = self._read()
            key = encodable(identity)
            if settings.unset:
                document.models.pop(key, None)
            else:
                document.models[key] = settings
            try:
                write_atomically(self._path, msgspec.json.format(msgspec.json.encode(document)))
            except OSError as error:
                raise StoreError(
                    f"Heft could not remember how this model is loaded: {error.strerror or error}",
                    f"Check the free space and the permissions of {self._path.parent}.",
                    detail=f"{self._path}: {error}",
                ) from error

    def _read(self) -> _Document:
        try:
            document = msgspec.json.decode(self._path.read_bytes(), type=_Document)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return _Document()
        return document if document.version == _VERSION else _Document()
