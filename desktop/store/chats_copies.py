"""Copies of a chat, whole or down to a message, and single messages taken out of it and put back."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from typing import Any

from desktop.core.attachments import Enclosed
from desktop.store import chats_attachments
from desktop.store.chats_errors import no_chat, no_message

_CHAT = "title, model, system_prompt, sampling, max_tokens, model_path, context_length, folder, tags"
_MESSAGE = "role, content, state, model, created, statistics, note, reasoning, reasoning_seconds, tool_calls"
# of what its model sees, that which names no message
_VIEW = "json_object('tools_out', json(coalesce(json_extract(model_view, '$.tools_out'), '[]')))"
_COPY, _FORK = "copy", "fork"
_MARK = re.compile(r" \((?:copy|fork)(?: \d+)?\)$")


@dataclass(frozen=True)
class TakenOut:
    """A message that was taken out, for :func:`put_back`: its row, what hung below it, and where its chat ended."""

    chat_id: int
    row: dict[str, Any]
    below: tuple[int, ...]
    leaf: int | None
    settings: str  # what the model sees of the chat, as it was
    end: int | None  # where the chat ended without it
    newest: int  # the chat's messages had no higher number then
    enclosed: tuple[Enclosed, ...] = ()


def copy(db: sqlite3.Connection, chat_id: int, now: float, last: int | None) -> int:
    """The new chat's id; NotFoundError where there is no such chat. ``last``: only the branch down to this message.

    What the model sees of the old chat names its messages, so the new one begins with all of them in sight, and
    with the same tools. An answer that is being written is copied as far as it is finished: its pieces are not.
    """
    made = db.execute(
        f"""INSERT INTO chats ({_CHAT}, model_view, created, updated) SELECT {_CHAT}, {_VIEW}, ?, ? FROM chats
            WHERE id = ? AND deleted IS NULL RETURNING id""",
        (now, now, chat_id),
    ).fetchone()
    if made is None:
        raise no_chat()
    (new,) = made
    (title,) = db.execute("SELECT title FROM chats WHERE id = ?", (new,)).fetchone()
    if title:
        named = _distinct(db, title, _COPY if last is None else _FORK)
        db.execute("UPDATE chats SET title = ? WHERE id = ?", (named, new))
    if last is None:
        chosen = "SELECT id, parent_id FROM messages WHERE chat_id = ? ORDER BY id"
    else:
        chosen = """WITH RECURSIVE up (id, parent_id) AS (
            SELECT id, parent_id FROM messages WHERE id = ?
            UNION ALL SELECT messages.id, messages.parent_id FROM messages JOIN up ON messages.id = up.parent_id)
            SELECT id, parent_id FROM up ORDER BY id"""
    places: dict[int, int] = {}
    for old, parent in db.execute(chosen, (chat_id if last is None else last,)).fetchall():
        (places[old],) = db.execute(
            f"""INSERT INTO messages (chat_id, parent_id, {_MESSAGE})
                SELECT ?, ?, {_MESSAGE} FROM messages WHERE id = ? RETURNING id""",
            (new, places.get(parent), old),
        ).fetchone()
        chats_attachments.copy(db, old, places[old])
    (leaf,) = db.execute("SELECT leaf FROM chats WHERE id = ?", (chat_id,)).fetchone()
    end = places.get(leaf if last is None else last)
    db.execute("UPDATE chats SET leaf = ? WHERE id = ?", (end, new))
    db.execute(
        "UPDATE messages SET state = 'interrupted' WHERE chat_id = ? AND state = 'streaming'",
        (new,),
    )
    return int(new)


def _distinct(db: sqlite3.Connection, title: str, mark: str) -> str:
    """A title that no chat on the list has: "Tides (fork)", "Tides (fork 2)" ..."""
    bare = _MARK.sub("", title)
    taken = {known for (known,) in db.execute("SELECT title FROM chats WHERE deleted IS NULL")}
    named, number = f"{bare} ({mark})", 1
    while named in taken:
        number += 1
        named = f"{bare} ({mark} {number})"
    return named


def take_out(db: sqlite3.Connection, message_id: int) -> TakenOut:
    """Take one message out of its chat; what hung below it hangs below what was above. NotFoundError for none."""
    found = db.execute(f"SELECT id, chat_id, parent_id, {_MESSAGE} FROM messages WHERE id = ?", (message_id,))
    names = [column[0] for column in found.description]
    values = found.fetchone()
    if values is None:
        raise no_message()
    row = dict(zip(names, values, strict=True))
    chat_id, parent = row["chat_id"], row["parent_id"]
    leaf, view = db.execute("SELECT leaf, model_view FROM chats WHERE id = ?", (chat_id,)).fetchone()
    below = tuple(child for (child,) in db.execute("SELECT id FROM messages WHERE parent_id = ?", (message_id,)))
    db.execute("UPDATE messages SET parent_id = ? WHERE parent_id = ?", (parent, message_id))
    if leaf == message_id:
        left = "SELECT max(id) FROM messages WHERE chat_id = ? AND id <> ?"  # the youngest is a leaf
        end = parent if parent is not None else db.execute(left, (chat_id, message_id)).fetchone()[0]
        db.execute("UPDATE chats SET leaf = ? WHERE id = ?", (end, chat_id))
    (newest,) = db.execute("SELECT max(id) FROM messages WHERE chat_id = ?", (chat_id,)).fetchone()
    enclosed = chats_attachments.enclosed(db, message_id)
    db.execute("DELETE FROM messages WHERE id = ?", (message_id,))
    (end,) = db.execute("SELECT leaf FROM chats WHERE id = ?", (chat_id,)).fetchone()
    return TakenOut(chat_id, row, below, leaf, view, end, newest, enclosed)


def put_back(db: sqlite3.Connection, taken: TakenOut) -> None:
    """Put a message back where it was, with what hung below it, and before what was said in its place since."""
    names = ", ".join(taken.row)
    marks = ", ".join("?" * len(taken.row))
    db.execute(f"INSERT INTO messages ({names}) VALUES ({marks})", tuple(taken.row.values()))
    chats_attachments.keep(db, taken.row["id"], taken.enclosed)
    db.executemany(
        "UPDATE messages SET parent_id = ? WHERE id = ?", [(taken.row["id"], child) for child in taken.below]
    )
    (end,) = db.execute("SELECT leaf FROM chats WHERE id = ?", (taken.chat_id,)).fetchone()
    if end == taken.end:
        view = "UPDATE chats SET leaf = ?, model_view = ? WHERE id = ?"
        db.execute(view, (taken.leaf, taken.settings, taken.chat_id))
        return
    db.execute(  # the conversation went on: what followed on the message's predecessor follows on the message
        "UPDATE messages SET parent_id = ? WHERE chat_id = ? AND parent_id IS ? AND id > ? AND role <> ?",
        (taken.row["id"], taken.chat_id, taken.row["parent_id"], taken.newest, taken.row["role"]),
    )
