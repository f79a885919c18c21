"""Text of answers that is still streaming: written piece by piece, read beside its message, joined at the end."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from desktop.store import chats_attachments
from desktop.store.chats_records import Message, Written, message_from_row

_NOTHING = Written()


def _written(pieces: Iterable[tuple[str, int]]) -> Written:
    content: list[str] = []
    reasoning: list[str] = []
    for text, is_reasoning in pieces:
        (reasoning if is_reasoning else content).append(text)
    return Written("".join(content), "".join(reasoning))


def pieces_of(db: sqlite3.Connection, message_id: int) -> Written:
    """What of one message is in pieces."""
    found = db.execute("SELECT text, is_reasoning FROM pieces WHERE message_id = ? ORDER BY id", (message_id,))
    return _written(found)


def add_pieces(db: sqlite3.Connection, message_id: int, text: str, reasoning: str) -> None:
    """More of one message; IntegrityError where it is not there."""
    for more, is_reasoning in ((reasoning, 1), (text, 0)):
        if more:
            row = (message_id, more, is_reasoning)
            db.execute("INSERT INTO pieces (message_id, text, is_reasoning) VALUES (?, ?, ?)", row)


def join_pieces(db: sqlite3.Connection, message_id: int) -> None:
    """Put what is in pieces behind the text of its message."""
    more = pieces_of(db, message_id)
    if more != Written():
        db.execute(
            "UPDATE messages SET content = content || ?, reasoning = reasoning || ? WHERE id = ?",
            (more.content, more.reasoning, message_id),
        )
        db.execute("DELETE FROM pieces WHERE message_id = ?", (message_id,))


def complete(db: sqlite3.Connection, chat_id: int, rows: list[tuple[Any, ...]]) -> list[Message]:
    """Rows of one chat (MESSAGE_COLUMNS) with their place among siblings, the text still in pieces, and attachments."""
    families: dict[int | None, list[int]] = {}
    place: dict[int, int] = {}
    for message_id, parent_id in db.execute(
        "SELECT id, parent_id FROM messages WHERE chat_id = ? ORDER BY id", (chat_id,)
    ):
        family = families.setdefault(parent_id, [])
        place[message_id] = len(family)
        family.append(message_id)
    written: dict[int, list[tuple[str, int]]] = {}
    for message_id, text, is_reasoning in db.execute(
        """SELECT message_id, text, is_reasoning FROM pieces
           WHERE message_id IN (SELECT id FROM messages WHERE chat_id = ?) ORDER BY id""",
        (chat_id,),
    ):
        written.setdefault(message_id, []).append((text, is_reasoning))
    attached = chats_attachments.of_chat(db, chat_id)
    return [
        message_from_row(
            row,
            _written(written[row[0]]) if row[0] in written else _NOTHING,
            place[row[0]],
            len(families[row[2]]),
            attached.get(row[0], ()),
        )
        for row in rows
    ]
