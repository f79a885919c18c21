"""Conversations of other programs, written into the chat database."""

from __future__ import annotations

import sqlite3

from desktop.core.imported_chat import ImportedChat
from desktop.core.text import encodable
from desktop.store import chats_attachments

_UNTITLED = 60  # characters of the first question


def add(db: sqlite3.Connection, chat: ImportedChat, now: float) -> int:
    """Write a conversation with all its branches; the new chat's id. It stands in the list at the time it is from."""
    times = [message.created for message in chat.messages if message.created]
    created = chat.created or min(times, default=now)
    updated = min(max([created, *times]), now)
    first = chat.messages[0].content.strip().partition("\n")[0][:_UNTITLED]
    (made,) = db.execute(
        """INSERT INTO chats (title, model, system_prompt, sampling, max_tokens, created, updated, model_path,
           context_length) VALUES (?, ?, ?, '{}', 0, ?, ?, '', 0) RETURNING id""",
        (encodable(chat.title.strip() or first), "", encodable(chat.system_prompt), min(created, now), updated),
    ).fetchone()
    ids: list[int] = []
    for message in chat.messages:
        texts = (encodable(message.content), encodable(message.reasoning), encodable(message.model))
        (written,) = db.execute(
            """INSERT INTO messages (chat_id, parent_id, role, content, reasoning, model, state, created, statistics,
               note) VALUES (?, ?, ?, ?, ?, ?, 'complete', ?, '{}', '') RETURNING id""",
            (
                made,
                None if message.parent is None else ids[message.parent],
                message.role,
                *texts,
                message.created or created,
            ),
        ).fetchone()
        chats_attachments.keep(db, written, message.attachments)
        ids.append(written)
    db.execute("UPDATE chats SET leaf = ? WHERE id = ?", (ids[chat.last], made))
    return int(made)
