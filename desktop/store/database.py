"""How Heft's databases are opened: migrated when old, left alone when newer, set aside when damaged.

``PRAGMA user_version`` is the number of migrations applied. A released migration is never edited; a change of the
schema is one more entry.
"""

from __future__ import annotations

import errno
import logging
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from desktop.core.errors import StoreError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.system.atomic import put_in_place

_log = logging.getLogger(__name__)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_UNWRITABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
_NO_ACCESS = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST)
_CACHE_KIB = 512  # of SQLite's own page cache, for each connection; the system's cache holds the rest


@dataclass(frozen=True)
class Schema:
    """A database: what it is called in a message ("your chats"), its migrations, and tables it must have.

    ``busy_seconds`` is how long a write waits for another Heft (the command line beside the window).
    """

    name: str
    migrations: Sequence[str]
    tables: Sequence[str]
    busy_seconds: float = 5.0


def is_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite says that the file itself is broken (and not locked, full or unreadable)."""
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _DAMAGED


def kind_of(error: OSError | sqlite3.Error) -> FailureKind:
    """The kind of StoreError that tells of this one."""
    if isinstance(error, sqlite3.Error):
        unwritable = (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _UNWRITABLE
    else:
        unwritable = error.errno in _NO_ACCESS
    return FailureKind.UNWRITABLE if unwritable else FailureKind.STORE


def open_database(path: Path, schema: Schema) -> tuple[sqlite3.Connection, Path | None]:
    """The database at ``path``, made or migrated when needed, and where a damaged one was set aside (or None).

    Raises StoreError when the file was written by a newer Heft (it is left untouched) or cannot be opened, of kind
    "unwritable" where only a copy in memory is left (:func:`copy_database`).
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _connect(path, schema), None
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
        aside = _set_aside(path)
        _log.warning("%s could not be read and was set aside", path.name)
        return _connect(path, schema), aside
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            tr("Heft could not open {name}: {error}", name=schema.name, error=error),
            tr("Check the permissions of {parent} and the free space on its disk.", parent=path.parent),
            detail=f"{path}: {error!r}",
            kind=kind_of(error),
        ) from error


def copy_database(path: Path, schema: Schema) -> tuple[sqlite3.Connection, None]:
    """A database in memory with what can be read of the one at ``path``, or with nothing in it."""
    copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with suppress(sqlite3.Error), closing(sqlite3.connect(address, uri=True)) as kept:
        kept.backup(copy)
    try:
        return _prepared(copy, path, schema), None
    except (sqlite3.Error, StoreError):
        copy.close()
    empty = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    return _prepared(empty, path, schema), None


def _connect(path: Path, schema: Schema) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=schema.busy_seconds, isolation_level=None, check_same_thread=False)
    return _prepared(connection, path, schema)


def _prepared(connection: sqlite3.Connection, path: Path, schema: Schema) -> sqlite3.Connection:
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(schema.migrations):
            raise StoreError(
                tr("A newer version of Heft wrote {name}.", name=schema.name),
                tr("Start the newer version, or move the file aside to begin anew."),
                detail=tr(
                    "{path}: schema version {version}, this Heft knows {migrations}",
                    path=path,
                    version=version,
                    migrations=len(schema.migrations),
                ),
                kind=FailureKind.NEWER_DATABASE,
            )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        _migrate(connection, schema.migrations)
        for table in schema.tables:
            connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection, migrations: Sequence[str]) -> None:
    """Each migration and its version number in one transaction: a kill in between leaves the old schema."""
    while True:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version >= len(migrations):
            return
        guard = f"PRAGMA user_version = {version + 1};"
        try:
            connection.executescript(f"BEGIN EXCLUSIVE;\n{migrations[version]}\n{guard}\nCOMMIT;")
        except sqlite3.Error:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            (now,) = connection.execute("PRAGMA user_version").fetchone()
            if now == version:
                raise  # not merely another Heft that migrated first


def _set_aside(path: Path) -> Path:
    aside = path.with_name(f"{path.name}.broken-{time.strftime('%Y%m%d-%H%M%S')}")
    for suffix in ("", "-wal", "-shm"):
        source = path.with_name(path.name + suffix)
        with suppress(FileNotFoundError):
            put_in_place(source, aside.with_name(aside.name + suffix))
    return aside
