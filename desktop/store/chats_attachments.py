"""Attachments of messages: what is known of each beside its message, its bytes once for all that have it.

The bytes lie in the chats' own database, so that they are written and removed with the messages in one transaction, a
kill leaves none behind, and a backup of the file is whole. Triggers remove them with the last message that has them
(:mod:`desktop.store.chats_schema`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from desktop.core.attachments import Attachment, Enclosed
from desktop.core.documents.prompt import Citation
from desktop.core.errors import NotFoundError
from desktop.core.text import encodable
from desktop.core.words import tr

COLUMNS = "kind, name, media_type, sha256, size_bytes, width, height, seconds, text_tokens, way, citations"


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
            it.text_tokens, it.way, encodable(msgspec.json.encode(it.citations).decode()), encodable(one.sent),
        )  # fmt: skip
        marks = ", ".join("?" * (len(values) + 1))
        db.execute(f"INSERT INTO attachments (message_id, {COLUMNS}, sent) VALUES ({marks})", (message_id, *values))


def copy(db: sqlite3.Connection, source: int, target: int) -> None:
    """Give one message the attachments of another."""
    db.execute(
        f"""INSERT INTO attachments (message_id, {COLUMNS}, sent)
            SELECT ?, {COLUMNS}, sent FROM attachments WHERE message_id = ? ORDER BY id""",
        (target, source),
    )


def of_message(db: sqlite3.Connection, message_id: int) -> tuple[Attachment, ...]:
    """What is attached to one message."""
    rows = db.execute(f"SELECT {COLUMNS} FROM attachments WHERE message_id = ? ORDER BY id", (message_id,))
    return tuple(_attachment(row) for row in rows)


def of_chat(db: sqlite3.Connection, chat_id: int) -> dict[int, tuple[Attachment, ...]]:
    """What is attached to the messages of a chat, by their ids."""
    found: dict[int, tuple[Attachment, ...]] = {}
    for message_id, *row in db.execute(
        f"""SELECT message_id, {COLUMNS} FROM attachments
            WHERE message_id IN (SELECT id FROM messages WHERE chat_id = ?) ORDER BY attachments.id""",
        (chat_id,),
    ):
        found[message_id] = (*found.get(message_id, ()), _attachment(row))
    return found


def enclosed(db: sqlite3.Connection, message_id: int) -> tuple[Enclosed, ...]:
    """The same with their bytes and with what was sent of them, to be kept elsewhere."""
    sent = db.execute("SELECT sent FROM attachments WHERE message_id = ? ORDER BY id", (message_id,)).fetchall()
    attached = of_message(db, message_id)
    return tuple(Enclosed(one, data(db, one), text) for one, (text,) in zip(attached, sent, strict=True))


def sent_of_chat(db: sqlite3.Connection, chat_id: int) -> dict[int, tuple[str, ...]]:
    """What was sent of the documents of a chat's messages, by their ids: a text for each attachment, "" for others."""
    found: dict[int, tuple[str, ...]] = {}
    for message_id, text in db.execute(
        """SELECT message_id, sent FROM attachments
           WHERE message_id IN (SELECT id FROM messages WHERE chat_id = ?) ORDER BY attachments.id""",
        (chat_id,),
    ):
        found[message_id] = (*found.get(message_id, ()), text)
    return found


def data(db: sqlite3.Connection, attachment: Attachment) -> bytes:
    """The bytes of an attachment. NotFoundError where no message has it any more."""
    row = db.execute("SELECT data FROM attachment_data WHERE sha256 = ?", (attachment.sha256,)).fetchone()
    if row is None:
        raise _gone(attachment.name)
    return bytes(row[0])


def all_data(db: sqlite3.Connection, attached: Iterable[Attachment]) -> dict[str, bytes]:
    """The bytes of several, once each, by their SHA-256."""
    return {one.sha256: data(db, one) for one in attached}


def _attachment(row: Sequence[Any]) -> Attachment:
    try:
        cited = msgspec.json.decode(row[-1], type=tuple[Citation, ...])
    except msgspec.MsgspecError:  # of another version: the numbers lead nowhere
        cited = ()
    return replace(Attachment(*row[:-1]), citations=cited)


def _gone(name: str) -> NotFoundError:
    return NotFoundError(tr("{name} is not kept any more.", name=name), tr("Attach the file again."))
