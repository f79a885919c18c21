"""The user's settings: one JSON file with a schema version, written atomically, read with validation."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from desktop.core.errors import StoreError
from desktop.core.text import encodable
from desktop.system.atomic import put_in_place, write_atomically

SCHEMA_VERSION = 1

# The migration at index n turns the document of schema version n into that of n + 1. Version 0 had no number.
_MIGRATIONS: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...] = (lambda document: document,)


@dataclass(frozen=True)
class WindowGeometry:
    """Where the window was; logical pixels. ``maximized`` keeps the normal rectangle for later."""

    x: int
    y: int
    width: int
    height: int
    maximized: bool = False


@dataclass(frozen=True)
class Preset:
    """Named chat settings; ``sampling`` holds fields of ``engine.protocol.Sampling``, {} means defaults."""

    name: str
    system_prompt: str = ""
    sampling: dict[str, float | int | None] = field(default_factory=dict)
    max_tokens: int = 0


@dataclass(frozen=True)
class SettingsData:
    """All settings, with the defaults of a first start. ``last_model`` is a path or empty."""

    schema_version: int = SCHEMA_VERSION
    theme: Literal["system", "light", "dark"] = "system"
    window: WindowGeometry | None = None
    last_page: str = ""
    last_model: str = ""
    load_at_start: bool = True
    library_folders: tuple[str, ...] = ()
    presets: tuple[Preset, ...] = ()
    recent_inspected: tuple[str, ...] = ()  # paths and hf: addresses, newest first


class SettingsStore:
    """Reads and writes the settings file; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()

    def load(self) -> SettingsData:
        """The settings on disk; the defaults when there are none.

        A file that cannot be understood is kept aside as ``settings.json.broken``, one of a newer Heft is
        copied to ``settings.json.newer`` before it is read. Raises StoreError when it cannot be opened.
        """
        with self._lock:
            try:
                raw = self._path.read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return SettingsData()
            except OSError as error:
                raise self._failure("read", error) from error
            try:
                return self._decode(raw)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                with suppress(OSError):
                    put_in_place(self._path, self._beside("broken"))
                return SettingsData()

    def update(self, **changes: Any) -> SettingsData:
        """Change the named fields and write the file; TypeError for an unknown field or a wrong type."""
        with self._lock:
            changed = replace(self.load(), **changes)
            try:
                raw = msgspec.json.format(msgspec.json.encode(changed), indent=2)
                checked = msgspec.json.decode(raw, type=SettingsData)
            except msgspec.ValidationError as error:
                raise TypeError(str(error)) from error
            except UnicodeEncodeError as error:
                raise StoreError(
                    f"Heft cannot remember a name that is no Unicode: {encodable(error.object)}",
                    "Rename the file or folder.",
                    detail=str(error),
                ) from error
            self._write(raw)
            return checked

    def _decode(self, raw: bytes) -> SettingsData:
        document = msgspec.json.decode(raw, type=dict[str, Any])
        version = msgspec.convert(document.get("schema_version", 0), int)
        if version > SCHEMA_VERSION:
            with suppress(OSError):
                write_atomically(self._beside("newer"), raw)
        for migrate in _MIGRATIONS[max(version, 0) :]:
            document = migrate(document)
        document["schema_version"] = SCHEMA_VERSION
        return msgspec.convert(document, SettingsData)

    def _write(self, raw: bytes) -> None:
        try:
            write_atomically(self._path, raw)
        except OSError as error:
            raise self._failure("write", error) from error

    def _beside(self, suffix: str) -> Path:
        return self._path.with_name(f"{self._path.name}.{suffix}")

    def _failure(self, verb: str, error: OSError) -> StoreError:
        return StoreError(
            f"Heft could not {verb} its settings: {error.strerror or error}",
            f"Check the free space and the permissions of {self._path.parent}.",
            detail=f"{self._path}: {error}",
        )
