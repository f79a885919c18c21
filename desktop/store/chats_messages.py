"""A new turn, written into a chat's tree."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from desktop.core.attachments import Enclosed
from desktop.core.errors import NotFoundError
from desktop.core.text import encodable
from desktop.core.words import tr
from desktop.store import chats_attachments
from desktop.store.chats_errors import no_chat
from desktop.store.chats_records import MessageRole, MessageState


def add(
    db: sqlite3.Connection,
    chat_id: int,
    parent_id: int | None,
    role: MessageRole,
    content: str,
    now: float,
    *,
    state: MessageState,
    model: str,
    reasoning: str,
    reasoning_seconds: float,
    attachments: Sequence[Enclosed],
) -> int:
    """The new message's id; it is the end of the active branch. NotFoundError where chat or parent are not there."""
    if db.execute("SELECT 1 FROM chats WHERE id = ?", (chat_id,)).fetchone() is None:
        raise no_chat()
    if parent_id is not None:
        parent = db.execute("SELECT chat_id FROM messages WHERE id = ?", (parent_id,)).fetchone()
        if parent is None or parent[0] != chat_id:
            raise NotFoundError(tr("The message to answer is not in this chat."), tr("Open the chat again."))
    texts = (encodable(content), encodable(reasoning), reasoning_seconds)
    (made,) = db.execute(
        """INSERT INTO messages (chat_id, parent_id, role, content, reasoning, reasoning_seconds, state, model,
           created, statistics, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '{}', '') RETURNING id""",
        (chat_id, parent_id, role, *texts, state, encodable(model), now),
    ).fetchone()
    chats_attachments.keep(db, made, attachments)
    db.execute("UPDATE chats SET leaf = ?, updated = ? WHERE id = ?", (made, now, chat_id))
    return int(made)
