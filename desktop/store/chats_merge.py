"""The chats of another database of Heft's, added to those that are here."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

OTHER = "other"  # the name under which the other database is attached
_FIRST = ("chats", "messages")  # then whatever refers to them


@dataclass(frozen=True)
class Merged:
    """How many chats were added, and how many were here already, with all their messages."""

    added: int
    kept: int


def merge(db: sqlite3.Connection) -> Merged:
    """Add the chats of the attached database, with all that refers to them, within the caller's transaction.

    A chat whose messages are all here already, in one chat, is left as it is. Both databases have the same schema.
    """
    here = _by_created(db, "main")
    added = kept = 0
    tables = _tables(db)
    shared = {above for table in tables for above in table.refers.values()} - {table.name for table in tables}
    for name in ("folders", *sorted(shared)):
        db.execute(f"INSERT OR IGNORE INTO main.{name} SELECT * FROM {OTHER}.{name}")
    for chat_id, created, deleted in db.execute(
        f"SELECT id, created, deleted FROM {OTHER}.chats ORDER BY id"
    ).fetchall():
        same = [known for known, gone in here.get(created, ()) if gone is None or deleted is not None]
        messages = _said(db, OTHER, chat_id)
        if any(messages <= _said(db, "main", known) for known in same):
            kept += 1
            continue
        _add(db, tables, chat_id)
        added += 1
    return Merged(added, kept)


def _by_created(db: sqlite3.Connection, schema: str) -> dict[float, list[tuple[int, float | None]]]:
    found: dict[float, list[tuple[int, float | None]]] = {}
    for chat_id, created, deleted in db.execute(f"SELECT id, created, deleted FROM {schema}.chats"):
        found.setdefault(created, []).append((chat_id, deleted))
    return found


def _said(db: sqlite3.Connection, schema: str, chat_id: int) -> set[tuple[str, float, str]]:
    """What tells a message from another, however its chat was ordered since."""
    rows = db.execute(f"SELECT role, created, content FROM {schema}.messages WHERE chat_id = ?", (chat_id,))
    return {(role, created, content) for role, created, content in rows}


@dataclass(frozen=True)
class _Table:
    """A table that is copied: its columns but its number, and which of them name rows of which table, by which key."""

    name: str
    columns: tuple[str, ...]
    numbered: bool
    refers: dict[str, str]
    keys: dict[str, str]

    @property
    def above(self) -> str:
        """The column by which its rows are found from a chat or a message."""
        return next(column for column, table in self.refers.items() if table in _FIRST)


def _tables(db: sqlite3.Connection) -> list[_Table]:
    names = [name for (name,) in db.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")]
    found = []
    for name in names:
        columns = [row[1] for row in db.execute(f"PRAGMA main.table_info('{name}')")]
        keys = db.execute(f"PRAGMA main.foreign_key_list('{name}')").fetchall()
        refers = {row[3]: row[2] for row in keys}
        if name in _FIRST or any(table in _FIRST for table in refers.values()):
            rest = tuple(column for column in columns if column != "id")
            found.append(_Table(name, rest, "id" in columns, refers, {row[3]: row[4] or "id" for row in keys}))
    order = {name: place for place, name in enumerate(_FIRST)}
    return sorted(found, key=lambda table: order.get(table.name, len(_FIRST)))


def _add(db: sqlite3.Connection, tables: list[_Table], chat_id: int) -> None:
    """One chat with all that hangs on it. New numbers are given; what names old ones follows."""
    numbers: dict[str, dict[int, int]] = {table.name: {} for table in tables}
    for table in tables:
        if table.name == "chats":
            where = "id = ?"
        elif table.refers[table.above] == "chats":
            where = f"{table.above} = ?"
        else:
            where = f"{table.above} IN (SELECT id FROM {OTHER}.messages WHERE chat_id = ?)"
        if table.name == "messages":
            where = "chat_id = ?"
        wanted = ("id", *table.columns) if table.numbered else table.columns
        order = " ORDER BY id" if table.numbered else ""
        later: list[tuple[str, int, int]] = []  # of rows that name rows of their own table
        rows = db.execute(f"SELECT {', '.join(wanted)} FROM {OTHER}.{table.name} WHERE {where}{order}", (chat_id,))
        for values in rows.fetchall():
            row: dict[str, Any] = dict(zip(wanted, values, strict=True))
            old = row.pop("id", None)
            for column, above in table.refers.items():
                if row[column] is not None and above == table.name:
                    later.append((column, old, row.pop(column)))
                elif row[column] is not None and above in numbers:
                    row[column] = numbers[above][row[column]]
                elif row[column] is not None:  # by its content, which is kept once (bytes of attachments)
                    same = f"SELECT * FROM {OTHER}.{above} WHERE {table.keys[column]} = ?"
                    db.execute(f"INSERT OR IGNORE INTO main.{above} {same}", (row[column],))
            marks = ", ".join("?" * len(row))
            made = db.execute(
                f"INSERT INTO main.{table.name} ({', '.join(row)}) VALUES ({marks})", tuple(row.values())
            ).lastrowid
            if old is not None and made is not None:
                numbers[table.name][old] = made
        new = numbers[table.name]
        for column, below, parent in later:
            db.execute(f"UPDATE main.{table.name} SET {column} = ? WHERE id = ?", (new[parent], new[below]))
    _follow(db, numbers["chats"][chat_id], numbers["messages"])


def _follow(db: sqlite3.Connection, chat_id: int, messages: dict[int, int]) -> None:
    """The end of the branch on show, and what the model sees, by the messages' new numbers."""
    leaf, view = db.execute("SELECT leaf, model_view FROM main.chats WHERE id = ?", (chat_id,)).fetchone()
    seen = json.loads(view)
    for name in ("hidden_to", "summarised_to"):
        if seen.get(name) is not None:
            seen[name] = messages.get(seen[name])
    changed = (messages.get(leaf), json.dumps(seen, ensure_ascii=False), chat_id)
    db.execute("UPDATE main.chats SET leaf = ?, model_view = ? WHERE id = ?", changed)
