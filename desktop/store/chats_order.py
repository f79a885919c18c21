"""The order of chats: folders, pins, tags, the archive, and the trash, in which a deleted chat stays for a while."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

from desktop.core.text import encodable
from desktop.store.chats_errors import no_chat
from desktop.store.chats_records import CHAT_COLUMNS, Chat, chat_from_row

TRASH_SECONDS = 30 * 24 * 3600.0  # how long a deleted chat stays in the trash
LONGEST_NAME = 80  # characters of a folder's name, or of a tag
Place = Literal["chats", "archive", "trash"]

# Chats of earlier versions lie in no folder, and are neither pinned, archived nor tagged. Tags are a JSON list.
ORDER_MIGRATION = """
ALTER TABLE chats ADD COLUMN folder TEXT NOT NULL DEFAULT '';
ALTER TABLE chats ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chats ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chats ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
CREATE TABLE folders (name TEXT PRIMARY KEY COLLATE NOCASE, folded INTEGER NOT NULL DEFAULT 0);
"""

IN_PLACE: dict[Place, str] = {
    "chats": "chats.deleted IS NULL AND NOT chats.archived",
    "archive": "chats.deleted IS NULL AND chats.archived",
    "trash": "chats.deleted IS NOT NULL",
}
PLACE_OF = "CASE WHEN chats.deleted IS NOT NULL THEN 'trash' WHEN chats.archived THEN 'archive' ELSE 'chats' END"
_NEWEST: dict[Place, str] = {"chats": "updated", "archive": "updated", "trash": "deleted"}
Using = Callable[[], AbstractContextManager[sqlite3.Connection]]


@dataclass(frozen=True)
class Folder:
    """A folder of chats. ``folded``: its chats are not shown in the list."""

    name: str
    folded: bool = False


def place_of(chat: Chat) -> Place:
    """Where a chat lies."""
    return "trash" if chat.deleted is not None else "archive" if chat.archived else "chats"


def folder_name(text: str) -> str:
    """A folder's name as it is kept: one line, no longer than LONGEST_NAME; "" is no folder."""
    return encodable(" ".join(text.split()))[:LONGEST_NAME].strip()


def tag_names(texts: Iterable[str]) -> tuple[str, ...]:
    """Tags as they are kept: without "#", words joined by "-", each once, whatever its case, in order."""
    found: dict[str, str] = {}
    for text in texts:
        tag = encodable("-".join(text.strip().lstrip("#").split()))[:LONGEST_NAME]
        if tag:
            found.setdefault(tag.casefold(), tag)
    return tuple(found[key] for key in sorted(found))


def purge(db: sqlite3.Connection, where: str, value: float) -> int:
    """Remove the chats of ``where`` (with one parameter) for good, with all that is theirs; returns how many."""
    gone = f"SELECT id FROM chats WHERE {where}"
    db.execute(f"DELETE FROM pieces WHERE message_id IN (SELECT id FROM messages WHERE chat_id IN ({gone}))", (value,))
    db.execute(f"DELETE FROM messages WHERE chat_id IN ({gone})", (value,))
    return db.execute(f"DELETE FROM chats WHERE {where}", (value,)).rowcount


class ChatOrder:
    """Puts the chats of one store in order. Every method raises StoreError; NotFoundError for a chat not there."""

    def __init__(self, read: Using, write: Using) -> None:
        self._read, self._write = read, write

    def listed(self, place: Place = "chats") -> list[Chat]:
        """The chats of a place, newest first; in the trash by when they were deleted."""
        with self._read() as db:
            rows = db.execute(
                f"SELECT {CHAT_COLUMNS} FROM chats WHERE {IN_PLACE[place]} ORDER BY {_NEWEST[place]} DESC, id DESC"
            ).fetchall()
        return [chat_from_row(row) for row in rows]

    def pin(self, chat_id: int, pinned: bool) -> Chat:
        """Keep a chat at the top of the list, or not any more."""
        return self._set(chat_id, "pinned", int(pinned))

    def archive(self, chat_id: int, archived: bool) -> Chat:
        """Take a chat out of the list and of searches, or back into them."""
        return self._set(chat_id, "archived", int(archived))

    def tag(self, chat_id: int, tags: Iterable[str]) -> Chat:
        """Give a chat these tags in place of those it had."""
        return self._set(chat_id, "tags", json.dumps(tag_names(tags), ensure_ascii=False))

    def move(self, chat_id: int, folder: str) -> Chat:
        """Put a chat into a folder, which is made where there is none of that name; "": into none."""
        name = self.make_folder(folder) if folder_name(folder) else ""
        return self._set(chat_id, "folder", name)

    def tags(self) -> list[str]:
        """All tags in use, in order."""
        with self._read() as db:
            found = db.execute("SELECT DISTINCT value FROM chats, json_each(chats.tags) WHERE deleted IS NULL")
            return list(tag_names(tag for (tag,) in found))

    # -- folders ----------------------------------------------------------------------------------

    def folders(self) -> list[Folder]:
        """All folders, by name."""
        with self._read() as db:
            rows = db.execute("SELECT name, folded FROM folders ORDER BY name").fetchall()
        return sorted((Folder(name, bool(folded)) for name, folded in rows), key=lambda folder: folder.name.casefold())

    def make_folder(self, name: str) -> str:
        """Make a folder, where there is none of that name; the name as it is kept."""
        kept = folder_name(name)
        with self._write() as db:
            db.execute("INSERT OR IGNORE INTO folders (name) VALUES (?)", (kept,))
            (there,) = db.execute("SELECT name FROM folders WHERE name = ?", (kept,)).fetchone()
        return str(there)

    def rename_folder(self, name: str, to: str) -> str:
        """Another name for a folder; its chats go with it, also into one that has that name already. What it is now."""
        kept = folder_name(to) or name
        with self._write() as db:
            if kept.casefold() != name.casefold():
                db.execute("INSERT OR IGNORE INTO folders (name, folded) SELECT ?, folded FROM folders WHERE name = ?",
                           (kept, name))  # fmt: skip
                db.execute("DELETE FROM folders WHERE name = ?", (name,))
            else:
                db.execute("UPDATE folders SET name = ? WHERE name = ?", (kept, name))
            row = db.execute("SELECT name FROM folders WHERE name = ?", (kept,)).fetchone()
            now = row[0] if row else kept
            db.execute("UPDATE chats SET folder = ? WHERE folder = ?", (now, name))
        return str(now)

    def delete_folder(self, name: str) -> None:
        """Take a folder away; its chats stay, in none."""
        with self._write() as db:
            db.execute("UPDATE chats SET folder = '' WHERE folder = ?", (name,))
            db.execute("DELETE FROM folders WHERE name = ?", (name,))

    def fold(self, name: str, folded: bool) -> None:
        """Remember whether a folder's chats are shown."""
        with self._write() as db:
            db.execute("UPDATE folders SET folded = ? WHERE name = ?", (int(folded), name))

    # -- trash ------------------------------------------------------------------------------------

    def delete_for_good(self, chat_id: int) -> None:
        """Remove a chat of the trash, with all its messages. A chat that is not in the trash stays."""
        with self._write() as db:
            if not purge(db, "id = ? AND deleted IS NOT NULL", chat_id):
                raise no_chat()

    def empty_trash(self) -> int:
        """Remove all chats of the trash; returns how many."""
        with self._write() as db:
            return purge(db, "deleted >= ?", 0.0)

    def _set(self, chat_id: int, column: str, value: str | int) -> Chat:
        with self._write() as db:
            row = db.execute(
                f"UPDATE chats SET {column} = ? WHERE id = ? RETURNING {CHAT_COLUMNS}", (value, chat_id)
            ).fetchone()
        if row is None:
            raise no_chat()
        return chat_from_row(row)
