"""The chat database: its tables, its migrations, and how it is opened.

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
CREATE TABLE chats (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL,
    model TEXT NOT NULL,
    model_path TEXT NOT NULL,
    system_prompt TEXT NOT NULL,
    sampling TEXT NOT NULL,
    max_tokens INTEGER NOT NULL,
    context_length INTEGER NOT NULL,
    created REAL NOT NULL,
    updated REAL NOT NULL,
    deleted REAL,
    leaf INTEGER
);
CREATE INDEX chats_by_time ON chats (updated);
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    chat_id INTEGER NOT NULL REFERENCES chats (id),
    parent_id INTEGER REFERENCES messages (id),
    role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
    content TEXT NOT NULL,
    state TEXT NOT NULL,
    model TEXT NOT NULL,
    created REAL NOT NULL,
    statistics TEXT NOT NULL,
    note TEXT NOT NULL
);
CREATE INDEX messages_by_chat ON messages (chat_id, parent_id);
CREATE INDEX messages_by_parent ON messages (parent_id);
CREATE INDEX messages_streaming ON messages (id) WHERE state = 'streaming';
CREATE TABLE pieces (
    id INTEGER PRIMARY KEY,
    message_id INTEGER NOT NULL REFERENCES messages (id),
    text TEXT NOT NULL
);
CREATE INDEX pieces_by_message ON pieces (message_id);
CREATE VIRTUAL TABLE message_index USING fts5 (
    content, content = 'messages', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
);
CREATE VIRTUAL TABLE title_index USING fts5 (
    title, content = 'chats', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
);
CREATE TRIGGER message_added AFTER INSERT ON messages BEGIN
    INSERT INTO message_index (rowid, content) VALUES (new.id, new.content);
END;
CREATE TRIGGER message_removed AFTER DELETE ON messages BEGIN
    INSERT INTO message_index (message_index, rowid, content) VALUES ('delete', old.id, old.content);
END;
CREATE TRIGGER message_changed AFTER UPDATE OF content ON messages BEGIN
    INSERT INTO message_index (message_index, rowid, content) VALUES ('delete', old.id, old.content);
    INSERT INTO message_index (rowid, content) VALUES (new.id, new.content);
END;
CREATE TRIGGER chat_added AFTER INSERT ON chats BEGIN
    INSERT INTO title_index (rowid, title) VALUES (new.id, new.title);
END;
CREATE TRIGGER chat_removed AFTER DELETE ON chats BEGIN
    INSERT INTO title_index (title_index, rowid, title) VALUES ('delete', old.id, old.title);
END;
CREATE TRIGGER chat_renamed AFTER UPDATE OF title ON chats BEGIN
    INSERT INTO title_index (title_index, rowid, title) VALUES ('delete', old.id, old.title);
    INSERT INTO title_index (rowid, title) VALUES (new.id, new.title);
END;
"""

MIGRATIONS: tuple[str, ...] = (_V1,)
BUSY_SECONDS = 5.0  # how long a write waits for another Heft (the command line beside the window)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite says that the file itself is broken (and not locked, full or unreadable)."""
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _DAMAGED


def open_database(path: Path) -> tuple[sqlite3.Connection, Path | None]:
    """The database at ``path``, made or migrated when needed, and where a damaged one was set aside (or None).

    Raises StoreError when the file was written by a newer Heft (it is left untouched) or cannot be opened.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _connect(path), None
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
        aside = _set_aside(path)
        return _connect(path), aside
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"Heft could not open its chats: {error}",
            f"Check the permissions of {path.parent} and the free space on its disk.",
            detail=f"{path}: {error!r}",
        ) from error


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise StoreError(
                "Your chats were saved by a newer version of Heft.",
                "Start the newer version, or move the file aside to begin with an empty list.",
                detail=f"{path}: schema version {version}, this Heft knows {len(MIGRATIONS)}",
                kind="newer-database",
            )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        _migrate(connection)
        for table in ("chats", "messages", "pieces", "message_index", "title_index"):
            connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()
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
        guard = f"PRAGMA user_version = {version + 1};"
        try:
            connection.executescript(f"BEGIN EXCLUSIVE;\n{MIGRATIONS[version]}\n{guard}\nCOMMIT;")
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
            source.replace(aside.with_name(aside.name + suffix))
    return aside
