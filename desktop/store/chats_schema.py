"""The chat database: its tables and its migrations."""

from __future__ import annotations

from desktop.store.chats_order import ORDER_MIGRATION
from desktop.store.database import Schema

_V1 = """
CREATE TABLE chats (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL,
    model TEXT NOT NULL,
    model_path TEXT NOT NULL,
    system_prompt TEXT NOT NULL,
    sampling TEXT NOT NULL,
    max_tokens INTEGER NOT NULL,
    context_length INTEGER NOT NULL,
    created REAL NOT NULL,
    updated REAL NOT NULL,
    deleted REAL,
    leaf INTEGER
);
CREATE INDEX chats_by_time ON chats (updated);
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    chat_id INTEGER NOT NULL REFERENCES chats (id),
    parent_id INTEGER REFERENCES messages (id),
    role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
    content TEXT NOT NULL,
    state TEXT NOT NULL,
    model TEXT NOT NULL,
    created REAL NOT NULL,
    statistics TEXT NOT NULL,
    note TEXT NOT NULL
);
CREATE INDEX messages_by_chat ON messages (chat_id, parent_id);
CREATE INDEX messages_by_parent ON messages (parent_id);
CREATE INDEX messages_streaming ON messages (id) WHERE state = 'streaming';
CREATE TABLE pieces (
    id INTEGER PRIMARY KEY,
    message_id INTEGER NOT NULL REFERENCES messages (id),
    text TEXT NOT NULL
);
CREATE INDEX pieces_by_message ON pieces (message_id);
CREATE VIRTUAL TABLE message_index USING fts5 (
    content, content = 'messages', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
);
CREATE VIRTUAL TABLE title_index USING fts5 (
    title, content = 'chats', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
);
CREATE TRIGGER message_added AFTER INSERT ON messages BEGIN
    INSERT INTO message_index (rowid, content) VALUES (new.id, new.content);
END;
CREATE TRIGGER message_removed AFTER DELETE ON messages BEGIN
    INSERT INTO message_index (message_index, rowid, content) VALUES ('delete', old.id, old.content);
END;
CREATE TRIGGER message_changed AFTER UPDATE OF content ON messages BEGIN
    INSERT INTO message_index (message_index, rowid, content) VALUES ('delete', old.id, old.content);
    INSERT INTO message_index (rowid, content) VALUES (new.id, new.content);
END;
CREATE TRIGGER chat_added AFTER INSERT ON chats BEGIN
    INSERT INTO title_index (rowid, title) VALUES (new.id, new.title);
END;
CREATE TRIGGER chat_removed AFTER DELETE ON chats BEGIN
    INSERT INTO title_index (title_index, rowid, title) VALUES ('delete', old.id, old.title);
END;
CREATE TRIGGER chat_renamed AFTER UPDATE OF title ON chats BEGIN
    INSERT INTO title_index (title_index, rowid, title) VALUES ('delete', old.id, old.title);
    INSERT INTO title_index (rowid, title) VALUES (new.id, new.title);
END;
"""

# Reasoning has a column of its own. Until now it stood in the answer's text, between the tags that Heft folded: at its
# start, or ended on a line by a tag that nothing opened. What a killed process left in pieces is joined first.
_BLANK = "char(9, 10, 13, 32)"


def _moved(reasoning: str, content: str, where: str) -> str:
    """Moves what is found in the text t of an answer (without white space before it) into its reasoning."""
    return f"""
UPDATE messages SET reasoning = found.reasoning, content = found.content
FROM (SELECT id, trim({reasoning}, char(10, 13)) AS reasoning, ltrim({content}, char(10, 13)) AS content
      FROM (SELECT id, ltrim(content, {_BLANK}) AS t FROM messages WHERE role = 'assistant' AND reasoning = '')
      WHERE {where}) AS found
WHERE found.id = messages.id;"""


def _tagged(tag: str) -> str:
    opening, closing = f"<{tag}>", f"</{tag}>"
    inner = f"substr(t, {len(opening) + 1})"
    end = f"instr({inner}, '{closing}')"
    begins = f"substr(t, 1, {len(opening)}) = '{opening}'"
    closed = _moved(
        f"substr({inner}, 1, {end} - 1)", f"substr({inner}, {end} + {len(closing)})", f"{begins} AND {end} > 0"
    )
    return closed + _moved(inner, "''", f"{begins} AND {end} = 0")


def _unopened() -> str:
    closing = "</think>"
    end = f"instr(t, char(10) || '{closing}')"
    before = f"substr(t, 1, {end})"
    alone = f"{end} > 0 AND instr({before}, '```') = 0 AND instr(t, '<think>') = 0"
    return _moved(before, f"substr(t, {end} + {len(closing) + 1})", alone)


_V2 = f"""
ALTER TABLE messages ADD COLUMN reasoning TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN reasoning_seconds REAL NOT NULL DEFAULT 0;
ALTER TABLE pieces ADD COLUMN is_reasoning INTEGER NOT NULL DEFAULT 0;
DROP TRIGGER message_added;
DROP TRIGGER message_removed;
DROP TRIGGER message_changed;
DROP TABLE message_index;
UPDATE messages SET state = 'interrupted', content = content || (
    SELECT group_concat(text, '') FROM (SELECT text FROM pieces WHERE message_id = messages.id ORDER BY id))
WHERE id IN (SELECT message_id FROM pieces);
DELETE FROM pieces;
{_tagged("think")}
{_tagged("thinking")}
{_unopened()}
CREATE VIRTUAL TABLE message_index USING fts5 (
    content, reasoning, content = 'messages', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2',
    prefix = '2 3'
);
INSERT INTO message_index (message_index, rank) VALUES ('rank', 'bm25(2.0, 1.0)');
INSERT INTO message_index (message_index) VALUES ('rebuild');
CREATE TRIGGER message_added AFTER INSERT ON messages BEGIN
    INSERT INTO message_index (rowid, content, reasoning) VALUES (new.id, new.content, new.reasoning);
END;
CREATE TRIGGER message_removed AFTER DELETE ON messages BEGIN
    INSERT INTO message_index (message_index, rowid, content, reasoning)
    VALUES ('delete', old.id, old.content, old.reasoning);
END;
CREATE TRIGGER message_changed AFTER UPDATE OF content, reasoning ON messages BEGIN
    INSERT INTO message_index (message_index, rowid, content, reasoning)
    VALUES ('delete', old.id, old.content, old.reasoning);
    INSERT INTO message_index (rowid, content, reasoning) VALUES (new.id, new.content, new.reasoning);
END;
"""

# Chats had all values written down, changed or not: what was never changed gives way to the model's own defaults.
_V3 = """
UPDATE chats SET sampling = (
    SELECT json_group_object(key, value) FROM json_each(chats.sampling) WHERE NOT (
        type = 'null'
        OR (key = 'temperature' AND value = 0.7)
        OR (key = 'top_k' AND value = 40)
        OR (key = 'top_p' AND value = 0.95)
        OR (key = 'min_p' AND value = 0.05)
        OR (key = 'repeat_penalty' AND value = 1.0)
    )
) WHERE CASE WHEN json_valid(sampling) THEN json_type(sampling) = 'object' END;
"""

# What of a chat its model sees: all of it, as before (desktop.store.chats_records.ModelView).
_V4 = """
ALTER TABLE chats ADD COLUMN model_view TEXT NOT NULL DEFAULT '{}';
"""

# Files that belong to messages (desktop.store.chats_attachments), found by their names; their bytes once each.
_V5 = """
CREATE TABLE attachment_data (
    sha256 TEXT PRIMARY KEY,
    data BLOB NOT NULL
);
CREATE TABLE attachments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    sha256 TEXT NOT NULL REFERENCES attachment_data (sha256),
    size_bytes INTEGER NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    seconds REAL NOT NULL,
    text_tokens INTEGER
);
CREATE INDEX attachments_by_message ON attachments (message_id);
CREATE INDEX attachments_by_data ON attachments (sha256);
CREATE VIRTUAL TABLE attachment_index USING fts5 (
    name, content = 'attachments', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
);
CREATE TRIGGER attachment_added AFTER INSERT ON attachments BEGIN
    INSERT INTO attachment_index (rowid, name) VALUES (new.id, new.name);
END;
CREATE TRIGGER attachment_removed AFTER DELETE ON attachments BEGIN
    INSERT INTO attachment_index (attachment_index, rowid, name) VALUES ('delete', old.id, old.name);
    DELETE FROM attachment_data WHERE sha256 = old.sha256
        AND NOT EXISTS (SELECT 1 FROM attachments WHERE sha256 = old.sha256);
END;
"""

# What a model was given of a document, and what of that has a number (desktop.core.documents.prompt).
_V7 = """
ALTER TABLE attachments ADD COLUMN way TEXT NOT NULL DEFAULT '';
ALTER TABLE attachments ADD COLUMN citations TEXT NOT NULL DEFAULT '[]';
ALTER TABLE attachments ADD COLUMN sent TEXT NOT NULL DEFAULT '';
"""

# The tools that an answer called, and what came of them (desktop.core.tool_calls).
_TOOL_CALLS = """
ALTER TABLE messages ADD COLUMN tool_calls TEXT NOT NULL DEFAULT '';
"""

SCHEMA = Schema(
    "your chats",
    (_V1, _V2, _V3, _V4, _V5, ORDER_MIGRATION, _V7, _TOOL_CALLS),
    ("chats", "messages", "pieces", "message_index", "title_index", "attachments", "attachment_index"),
)
