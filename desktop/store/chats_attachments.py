"""Attachments of messages: what is known of each beside its message, its bytes once for all that have it.

The bytes lie in the chats' own database, so that they are written and removed with the messages in one transaction, a
kill leaves none behind, and a backup of the file is whole. Triggers remove them with the last message that has them
(:mod:`desktop.store.chats_schema`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from desktop.core.attachments import Attachment, Enclosed
from desktop.core.errors import NotFoundError
from desktop.core.text import encodable

COLUMNS = "kind, name, media_type, sha256, size_bytes, width, height, seconds, text_tokens"


def keep(db: sqlite3.Connection, message_id: int, enclosed: Sequence[Enclosed]) -> None:
    """Attach files to a message, in this order. NotFoundError for one without bytes that are not kept either."""
    for one in enclosed:
        it = one.attachment
        if one.data is not None:
            db.execute("INSERT OR IGNORE INTO attachment_data (sha256, data) VALUES (?, ?)", (it.sha256, one.data))
        elif db.execute("SELECT 1 FROM attachment_data WHERE sha256 = ?", (it.sha256,)).fetchone() is None:
            raise _gone(it.name)
        values = (
            it.kind, encodable(it.name), it.media_type, it.sha256, it.size_bytes, it.width, it.height, it.seconds,
            it.text_tokens,
        )  # fmt: skip
        db.execute(
            f"INSERT INTO attachments (message_id, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (message_id, *values),
        )


def copy(db: sqlite3.Connection, source: int, target: int) -> None:
    """Give one message the attachments of another."""
    db.execute(
        f"""INSERT INTO attachments (message_id, {COLUMNS})
            SELECT ?, {COLUMNS} FROM attachments WHERE message_id = ? ORDER BY id""",
        (target, source),
    )


def of_message(db: sqlite3.Connection, message_id: int) -> tuple[Attachment, ...]:
    """What is attached to one message."""
    rows = db.execute(f"SELECT {COLUMNS} FROM attachments WHERE message_id = ? ORDER BY id", (message_id,))
    return tuple(Attachment(*row) for row in rows)


def of_chat(db: sqlite3.Connection, chat_id: int) -> dict[int, tuple[Attachment, ...]]:
    """What is attached to the messages of a chat, by their ids."""
    found: dict[int, tuple[Attachment, ...]] = {}
    for message_id, *row in db.execute(
        f"""SELECT message_id, {COLUMNS} FROM attachments
            WHERE message_id IN (SELECT id FROM messages WHERE chat_id = ?) ORDER BY attachments.id""",
        (chat_id,),
    ):
        found[message_id] = (*found.get(message_id, ()), Attachment(*row))
    return found


def enclosed(db: sqlite3.Connection, message_id: int) -> tuple[Enclosed, ...]:
    """The same with their bytes, to be kept elsewhere."""
    return tuple(Enclosed(one, data(db, one)) for one in of_message(db, message_id))


def data(db: sqlite3.Connection, attachment: Attachment) -> bytes:
    """The bytes of an attachment. NotFoundError where no message has it any more."""
    row = db.execute("SELECT data FROM attachment_data WHERE sha256 = ?", (attachment.sha256,)).fetchone()
    if row is None:
        raise _gone(attachment.name)
    return bytes(row[0])


def all_data(db: sqlite3.Connection, attached: Iterable[Attachment]) -> dict[str, bytes]:
    """The bytes of several, once each, by their SHA-256."""
    return {one.sha256: data(db, one) for one in attached}


def _gone(name: str) -> NotFoundError:
    return NotFoundError(f"{name} is not kept any more.", "Attach the file again.")
