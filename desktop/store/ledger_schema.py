"""The ledger's database: its table, its migrations, and how it is opened.

``PRAGMA user_version`` is the number of migrations applied. A released migration is never edited; a change of the
schema is one more entry.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from desktop.core.errors import StoreError

_V1 = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    machine TEXT NOT NULL,
    engine TEXT NOT NULL,
    what TEXT NOT NULL CHECK (what IN ('load', 'answer', 'bench')),
    model TEXT NOT NULL,
    path TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    quantization TEXT NOT NULL,
    context INTEGER NOT NULL,
    kv_type TEXT NOT NULL,
    gpu_layers INTEGER NOT NULL,
    threads INTEGER NOT NULL,
    figures TEXT NOT NULL
);
CREATE INDEX runs_by_machine ON runs (machine, at);
"""

MIGRATIONS: tuple[str, ...] = (_V1,)
BUSY_SECONDS = 2.0  # how long a write waits for another Heft (the command line beside the window)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def open_ledger(path: Path) -> sqlite3.Connection:
    """The database at ``path``, made or migrated when needed; a damaged one is set aside and begun anew.

    Raises StoreError when the file was written by a newer Heft (it is left untouched) or cannot be opened.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _connect(path)
        except sqlite3.DatabaseError as error:
            if (getattr(error, "sqlite_errorcode", 0) & 0xFF) not in _DAMAGED:
                raise
        path.replace(path.with_name(f"{path.name}.broken-{time.strftime('%Y%m%d-%H%M%S')}"))
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return _connect(path)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"Heft could not open its ledger of runs: {error}",
            f"Check the permissions of {path.parent} and the free space on its disk.",
            detail=f"{path}: {error!r}",
        ) from error


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise StoreError(
                "The ledger of runs was written by a newer version of Heft.",
                "Start the newer version, or move the file aside to begin anew.",
                detail=f"{path}: schema version {version}, this Heft knows {len(MIGRATIONS)}",
                kind="newer-database",
            )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        _migrate(connection)
        connection.execute("SELECT 1 FROM runs LIMIT 1").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection) -> None:
    """Each migration and its version number in one transaction: a kill in between leaves the old schema."""
    while True:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version >= len(MIGRATIONS):
            return
        try:
            connection.executescript(
                f"BEGIN EXCLUSIVE;\n{MIGRATIONS[version]}\nPRAGMA user_version = {version + 1};\nCOMMIT;"
            )
        except sqlite3.Error:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            (now,) = connection.execute("PRAGMA user_version").fetchone()
            if now == version:
                raise  # not merely another Heft that migrated first
