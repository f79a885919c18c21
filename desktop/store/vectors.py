"""Vectors of texts, kept so that a document is read by an embedding model once."""

from __future__ import annotations

import array
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from desktop.core.errors import StoreError
from desktop.store.database import Schema, copy_database, open_database

MOST_VECTORS = 50_000  # of all models; the ones used last stay. 384 numbers each are 80 MB, 1024 are 200 MB
_V1 = """
CREATE TABLE vectors (
    model TEXT NOT NULL,
    text BLOB NOT NULL,
    vector BLOB NOT NULL,
    used REAL NOT NULL,
    PRIMARY KEY (model, text)
) WITHOUT ROWID;
CREATE INDEX vectors_by_use ON vectors (used);
"""
SCHEMA = Schema("what is remembered of your documents", (_V1,), ("vectors",))
_ASKED_AT_ONCE = 500

Vector = tuple[float, ...]


class VectorStore:
    """By model and SHA-256 of the text. Thread-safe. What cannot be read or written is only not remembered."""

    def __init__(self, path: Path, most: int = MOST_VECTORS) -> None:
        """Opened at the first use; in memory where the folder takes no writes."""
        self._path, self._most = path, most
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None

    def known(self, model: str, digests: Sequence[bytes]) -> dict[bytes, Vector]:
        """The vectors of those texts that have one."""
        found: dict[bytes, Vector] = {}
        with suppress(sqlite3.Error), self._opened() as db:
            for at in range(0, len(digests), _ASKED_AT_ONCE):
                some = digests[at : at + _ASKED_AT_ONCE]
                marks = ", ".join("?" * len(some))
                named = f"model = ? AND text IN ({marks})"
                for text, vector in db.execute(f"SELECT text, vector FROM vectors WHERE {named}", (model, *some)):
                    found[text] = tuple(array.array("f", vector))
                db.execute(f"UPDATE vectors SET used = ? WHERE {named}", (time.time(), model, *some))
        return found

    def keep(self, model: str, vectors: Mapping[bytes, Sequence[float]]) -> None:
        """Remember these, and forget what was not used for longest."""
        rows = [(model, text, array.array("f", vector).tobytes(), time.time()) for text, vector in vectors.items()]
        with suppress(sqlite3.Error), self._opened() as db:
            db.executemany("INSERT OR REPLACE INTO vectors (model, text, vector, used) VALUES (?, ?, ?, ?)", rows)
            db.execute(
                "DELETE FROM vectors WHERE (model, text) IN"
                " (SELECT model, text FROM vectors ORDER BY used DESC LIMIT -1 OFFSET ?)",
                (self._most,),
            )

    def close(self) -> None:
        """Let go of the file; it may be used again."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """One transaction."""
        with self._lock:
            if self._db is None:
                try:
                    self._db, _ = open_database(self._path, SCHEMA)
                except StoreError:
                    self._db, _ = copy_database(self._path, SCHEMA)
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
