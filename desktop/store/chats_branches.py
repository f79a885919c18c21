"""Branches of a chat's tree: which one is on show, and taking one away."""

from __future__ import annotations

import sqlite3

_BELOW = """WITH RECURSIVE below (id) AS (
    SELECT id FROM messages WHERE id = ?
    UNION ALL SELECT messages.id FROM messages JOIN below ON messages.parent_id = below.id)"""


def select(db: sqlite3.Connection, message_id: int) -> bool:
    """Show the branch of a message, down to its newest leaf; False where there is no such message."""
    # a child is always younger than its parent, so the youngest descendant is a leaf
    changed = db.execute(
        f"""{_BELOW} UPDATE chats SET leaf = (SELECT max(id) FROM below)
            WHERE id = (SELECT chat_id FROM messages WHERE id = ?) RETURNING id""",
        (message_id, message_id),
    ).fetchall()
    return bool(changed)


def remove(db: sqlite3.Connection, message_id: int) -> None:
    """Take a message away for good, with all below it. The branch on show has to be another one by then."""
    db.execute(f"{_BELOW} DELETE FROM pieces WHERE message_id IN (SELECT id FROM below)", (message_id,))
    gone = [(below,) for (below,) in db.execute(f"{_BELOW} SELECT id FROM below ORDER BY id DESC", (message_id,))]
    db.executemany("DELETE FROM messages WHERE id = ?", gone)
