"""The settings file: one JSON document with a schema version, written atomically, read with validation.

It holds what differs from the defaults of :mod:`desktop.store.options`, and keys that this version does not know, as
they are.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from desktop.core.errors import StoreError, UsageError
from desktop.core.text import encodable
from desktop.core.words import tr
from desktop.store.options import ALL, Option
from desktop.system.atomic import put_in_place, write_atomically
from desktop.system.listeners import Listeners

T = TypeVar("T")
SCHEMA_VERSION = 2
ANOTHER_PROGRAM = "file"  # who made a change that this process only found in the file

_log = logging.getLogger(__name__)
_BY_KEY: Mapping[str, Option[Any]] = {option.key: option for option in ALL}


def _without_last_page(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != "last_page"}


# The migration at index n turns the document of schema version n into that of n + 1. Version 0 had no number. One may
# meet keys of later versions, which survive in a file that an older Heft has written.
_MIGRATIONS: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...] = (lambda document: document, _without_last_page)


class SettingsData:
    """All settings as they are at one moment, the defaults where the file says nothing."""

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        """``values`` by key, already checked."""
        self._values = {key: value for key, value in (values or {}).items() if value != _BY_KEY[key].default}

    def get(self, option: Option[T]) -> T:
        """The value of an option."""
        found: T = self._values.get(option.key, option.default)
        return found

    def is_default(self, option: Option[Any]) -> bool:
        """Whether it is what it would be if nobody had chosen anything."""
        return option.key not in self._values

    def changed(self) -> dict[str, Any]:
        """What differs from the defaults, by key."""
        return dict(self._values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SettingsData) and self._values == other._values

    def __repr__(self) -> str:
        return f"SettingsData({', '.join(sorted(self._values))})"  # no values: one may hold a password

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Changed:
    """An option has another value. ``by`` is who changed it: what was given to the call, or ANOTHER_PROGRAM."""

    option: Option[Any]
    old: Any
    new: Any
    by: object


@dataclass(frozen=True)
class _Read:
    """The file as it was read; ``stamp`` tells whether it is still the same, ``unknown`` are keys of other versions."""

    stamp: tuple[int, ...] | None
    data: SettingsData
    unknown: Mapping[str, Any]


class SettingsStore:
    """Reads and writes the settings file; safe to use from several threads.

    The file is read again whenever it has changed, so that each question is answered with what another process wrote.
    Listeners hear of every change, in the thread that made or found it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._read: _Read | None = None
        self._listeners = Listeners[Changed]()

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def get(self, option: Option[T]) -> T:
        """The value of an option now. Raises StoreError when the file cannot be opened."""
        return self.load().get(option)

    def set(self, option: Option[T], value: T, by: object = None) -> None:
        """Change an option and write the file. UsageError for a value that it does not take, StoreError.

        ``by`` is told to the listeners, so that whoever made the change need not react to it.
        """
        self.change({option: value}, by)

    def change(self, values: Mapping[Option[Any], Any], by: object = None) -> None:
        """Change several options in one step; as :meth:`set`."""
        checked = {}
        for option, value in values.items():
            try:
                checked[option.key] = option.kind.checked(value)
            except (ValueError, msgspec.ValidationError) as error:
                raise not_taken(option, value) from error
        self._change(checked, by)

    def reset(self, option: Option[Any], by: object = None) -> None:
        """Back to the default."""
        self._change({option.key: option.default}, by)

    def update(self, **changes: Any) -> SettingsData:
        """Change options by key and write the file; TypeError for an unknown key or a value that is not taken."""
        try:
            checked = {key: _BY_KEY[key].kind.checked(value) for key, value in changes.items()}
        except KeyError as error:
            raise TypeError(f"there is no option {error}") from error
        except (ValueError, msgspec.ValidationError) as error:
            raise TypeError(str(error)) from error
        return self._change(checked, None)

    def subscribe(self, listener: Callable[[Changed], None]) -> Callable[[], None]:
        """Hear of every change; returns the way to stop hearing."""
        return self._listeners.add(listener)

    def load(self) -> SettingsData:
        """The settings on disk; the defaults when there are none.

        A file that cannot be understood is kept aside as ``settings.json.broken``, one of a newer Heft is
        copied to ``settings.json.newer`` before it is read. Raises StoreError when it cannot be opened.
        """
        with self._lock:
            before, now = self._read, self._look()
        if before is not None:
            self._tell(before.data, now.data, ANOTHER_PROGRAM)
        return now.data

    def _look(self) -> _Read:
        """What is in the file now; called with the lock held."""
        stamp = self._stamp()
        if self._read is None or self._read.stamp != stamp:
            self._read = self._read_file(stamp)
        return self._read

    def _stamp(self) -> tuple[int, ...] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _read_file(self, stamp: tuple[int, ...] | None) -> _Read:
        try:
            raw = self._path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return _Read(None, SettingsData(), {})
        except OSError as error:
            raise self._failure("read", error) from error
        try:
            return self._decode(raw, stamp)
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError):
            _log.warning("the settings could not be read: they were set aside")
            with suppress(OSError):
                put_in_place(self._path, self._beside("broken"))
            return _Read(None, SettingsData(), {})

    def _decode(self, raw: bytes, stamp: tuple[int, ...] | None) -> _Read:
        document = msgspec.json.decode(raw, type=dict[str, Any])
        version = msgspec.convert(document.pop("schema_version", 0), int)
        newer = version > SCHEMA_VERSION
        if newer:
            with suppress(OSError):
                write_atomically(self._beside("newer"), raw)
        for migrate in _MIGRATIONS[max(version, 0) :]:
            document = migrate(document)
        values, unknown = {}, {}
        for key, value in document.items():
            try:
                values[key] = _BY_KEY[key].kind.checked(value)
            except KeyError:
                unknown[key] = value
            except (ValueError, msgspec.ValidationError):
                if not newer:
                    raise
                unknown[key] = value  # a newer Heft takes it; here the default counts
        return _Read(stamp, SettingsData(values), unknown)

    def _change(self, values: Mapping[str, Any], by: object) -> SettingsData:
        with self._lock:
            before, now = self._read, self._look()
            data = SettingsData({**now.data.changed(), **values})
            unknown = {key: value for key, value in now.unknown.items() if key not in values}
            if data != now.data or len(unknown) < len(now.unknown):
                self._write({"schema_version": SCHEMA_VERSION, **unknown, **data.changed()})
                self._read = _Read(self._stamp(), data, unknown)
        if before is not None:
            self._tell(before.data, now.data, ANOTHER_PROGRAM)
        self._tell(now.data, data, by)
        return data

    def _write(self, document: Mapping[str, Any]) -> None:
        try:
            raw = msgspec.json.format(msgspec.json.encode(document), indent=2)
            write_atomically(self._path, raw)
        except UnicodeEncodeError as error:
            raise StoreError(
                tr("Heft cannot remember a name that is no Unicode: {object}", object=encodable(error.object)),
                tr("Rename the file or folder."),
                detail=str(error),
            ) from error
        except OSError as error:
            raise self._failure("write", error) from error

    def _tell(self, old: SettingsData, new: SettingsData, by: object) -> None:
        for option in ALL if old is not new else ():
            if old.get(option) != new.get(option):
                _log.info("the setting %s was changed%s", option.key, " in the file" if by is ANOTHER_PROGRAM else "")
                self._listeners.tell(Changed(option, old.get(option), new.get(option), by))

    def _beside(self, suffix: str) -> Path:
        return self._path.with_name(f"{self._path.name}.{suffix}")

    def _failure(self, verb: str, error: OSError) -> StoreError:
        return StoreError(
            tr("Heft could not {verb} its settings: {strerror}", verb=verb, strerror=error.strerror or error),
            tr("Check the free space and the permissions of {parent}.", parent=self._path.parent),
            detail=f"{self._path}: {error}",
            settings_page="data",
        )


def not_taken(option: Option[Any], value: object) -> UsageError:
    """A value that an option does not take."""
    return UsageError(
        tr("{key} cannot be {value!r}.", key=option.key, value=value),
        tr("It takes {accepts}.", accepts=option.kind.accepts),
    )
