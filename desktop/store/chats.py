"""Conversations that survive a restart, and a kill at any moment.

A chat is a tree of messages: editing a question or asking for another answer adds a sibling, nothing is
overwritten. ``chats.leaf`` names the end of the branch on show. Text that is still streaming lies in ``pieces``,
so that writing costs the same at the end of a long answer as at its start; ``finish`` joins it.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from desktop.core.attachments import Attachment, Enclosed
from desktop.core.imported_chat import ImportedChat
from desktop.core.sampling_fields import SamplingValues
from desktop.core.text import encodable
from desktop.core.tool_calls import ToolCall, calls_to_json
from desktop.store import (
    chats_attachments,
    chats_branches,
    chats_copies,
    chats_export,
    chats_imports,
    chats_messages,
    chats_order,
    chats_search,
)
from desktop.store.chats_copies import TakenOut
from desktop.store.chats_errors import failure, no_chat, no_message
from desktop.store.chats_pieces import add_pieces, complete, join_pieces, pieces_of
from desktop.store.chats_records import (
    CHAT_COLUMNS,
    MESSAGE_COLUMNS,
    Chat,
    Message,
    MessageRole,
    MessageState,
    ModelView,
    chat_from_row,
    message_from_row,
    now_in,
    path_value,
)
from desktop.store.chats_schema import SCHEMA
from desktop.store.chats_search import MARK_END, MARK_START, SearchHit
from desktop.store.database import copy_database, open_database

__all__ = [
    "MARK_END",
    "MARK_START",
    "Chat",
    "ChatStore",
    "Message",
    "MessageRole",
    "MessageState",
    "ModelView",
    "SearchHit",
    "TakenOut",
]


class ChatStore:
    """All conversations of this user, in one SQLite file. Safe to call from any thread.

    Every method raises StoreError when the database cannot be read or written, NotFoundError for an id that
    is not there. ``set_aside`` names the damaged database that was put aside at opening, or is None.
    """

    def __init__(self, path: Path, *, in_memory: bool = False) -> None:
        """Open or make the database at ``path``; StoreError when a newer Heft wrote it (left untouched).

        ``in_memory``: a copy of it that ends with this process, for a folder that cannot be written.
        """
        self._path = path
        self._lock = threading.RLock()
        self._db, self.set_aside = (copy_database if in_memory else open_database)(path, SCHEMA)
        self._version = self._db.execute("PRAGMA data_version").fetchone()[0]
        self.order = chats_order.ChatOrder(self._read, self._write)

    def close(self) -> None:
        """Write everything back and let go of the file; calling it again does nothing."""
        with self._lock:
            self._db.close()

    def changed_elsewhere(self) -> bool:
        """Whether another program, or a restore, has written to the database since this was asked last."""
        with self._read() as db:
            (version,) = db.execute("PRAGMA data_version").fetchone()
        before, self._version = self._version, version
        return bool(before != version)

    # -- chats ------------------------------------------------------------------------------------

    def create(
        self,
        title: str = "",
        model: str = "",
        system_prompt: str = "",
        sampling: SamplingValues | None = None,
        *,
        max_tokens: int = 0,
        model_path: str = "",
        context_length: int = 0,
    ) -> Chat:
        """A new, empty chat."""
        texts = (encodable(title), encodable(model), encodable(system_prompt))
        values = (*texts, json.dumps(sampling or {}), max_tokens)
        with self._write() as db:
            now = now_in(db)
            row = db.execute(
                f"""INSERT INTO chats (title, model, system_prompt, sampling, max_tokens, created, updated,
                    model_path, context_length) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING {CHAT_COLUMNS}""",
                (*values, now, now, path_value(model_path), context_length),
            ).fetchone()
        return chat_from_row(row)

    def chat(self, chat_id: int) -> Chat:
        """One chat; NotFoundError when it is not there or was deleted."""
        with self._read() as db:
            found = db.execute(f"SELECT {CHAT_COLUMNS} FROM chats WHERE id = ? AND deleted IS NULL", (chat_id,))
            row = found.fetchone()
        if row is None:
            raise no_chat()
        return chat_from_row(row)

    def chats(self, limit: int | None = None) -> list[Chat]:
        """Chats, newest first, those of the archive too; what lies in the trash is left out."""
        with self._read() as db:
            rows = db.execute(
                f"SELECT {CHAT_COLUMNS} FROM chats WHERE deleted IS NULL ORDER BY updated DESC, id DESC LIMIT ?",
                (-1 if limit is None else limit,),
            ).fetchall()
        return [chat_from_row(row) for row in rows]

    def update(
        self,
        chat_id: int,
        *,
        title: str | None = None,
        model: str | None = None,
        system_prompt: str | None = None,
        sampling: SamplingValues | None = None,
        max_tokens: int | None = None,
        model_path: str | None = None,
        context_length: int | None = None,
        model_view: ModelView | None = None,
    ) -> Chat:
        """Change what is given and return the chat. Settings do not move it up the list."""
        given: dict[str, str | bytes | int | None] = {
            "title": None if title is None else encodable(title),
            "model": None if model is None else encodable(model),
            "system_prompt": None if system_prompt is None else encodable(system_prompt),
            "sampling": None if sampling is None else json.dumps(sampling),
            "max_tokens": max_tokens,
            "model_path": None if model_path is None else path_value(model_path),
            "context_length": context_length,
            "model_view": None if model_view is None else encodable(json.dumps(asdict(model_view), ensure_ascii=False)),
        }
        changes = {name: value for name, value in given.items() if value is not None}
        if changes:
            with self._write() as db:
                assignments = ", ".join(f"{name} = ?" for name in changes)
                db.execute(f"UPDATE chats SET {assignments} WHERE id = ?", (*changes.values(), chat_id))
        return self.chat(chat_id)

    def delete(self, chat_id: int) -> None:
        """Put a chat into the trash; ``undelete`` brings it back until ``purge``."""
        with self._write() as db:
            db.execute("UPDATE chats SET deleted = ? WHERE id = ? AND deleted IS NULL", (time.time(), chat_id))

    def undelete(self, chat_id: int) -> Chat:
        """Bring a deleted chat back."""
        with self._write() as db:
            db.execute("UPDATE chats SET deleted = NULL WHERE id = ?", (chat_id,))
        return self.chat(chat_id)

    def purge(self, older_than_seconds: float = 0.0) -> int:
        """Remove for good what was deleted at least that long ago; returns how many chats."""
        with self._write() as db:
            return chats_order.purge(db, "deleted <= ?", time.time() - older_than_seconds)

    def copy(self, chat_id: int, *, to_message: int | None = None) -> Chat:
        """A copy of a chat with all its branches, or of the branch down to one message alone."""
        with self._write() as db:
            made = chats_copies.copy(db, chat_id, now_in(db), to_message)
        return self.chat(made)

    def bring_in(self, chats: Iterable[ImportedChat]) -> list[Chat]:
        """Write conversations of other programs, all of them or none."""
        with self._write() as db:
            made = [chats_imports.add(db, chat, time.time()) for chat in chats]
        return [self.chat(chat_id) for chat_id in made]

    # -- messages ---------------------------------------------------------------------------------

    def messages(self, chat_id: int) -> list[Message]:
        """The active branch, root to leaf; empty for a new chat."""
        with self._read() as db:
            rows = db.execute(
                f"""WITH RECURSIVE branch (node, above, depth) AS (
                        SELECT id, parent_id, 0 FROM messages WHERE id = (SELECT leaf FROM chats WHERE id = ?)
                        UNION ALL
                        SELECT id, parent_id, depth + 1 FROM messages JOIN branch ON id = above)
                    SELECT {MESSAGE_COLUMNS} FROM branch JOIN messages ON id = node ORDER BY depth DESC""",
                (chat_id,),
            ).fetchall()
            return complete(db, chat_id, rows)

    def message(self, message_id: int) -> Message:
        """One message with all the text written so far."""
        with self._read() as db:
            row = db.execute(f"SELECT {MESSAGE_COLUMNS} FROM messages WHERE id = ?", (message_id,)).fetchone()
            if row is None:
                raise no_message()
            same = [
                sibling
                for (sibling,) in db.execute(
                    "SELECT id FROM messages WHERE chat_id = ? AND parent_id IS ? ORDER BY id", (row[1], row[2])
                )
            ]
            attached = chats_attachments.of_message(db, message_id)
            return message_from_row(row, pieces_of(db, message_id), same.index(message_id), len(same), attached)

    def siblings(self, message_id: int) -> list[int]:
        """Ids of all versions of this turn, oldest first, this one included."""
        with self._read() as db:
            rows = db.execute(
                """SELECT other.id FROM messages AS this JOIN messages AS other
                   ON other.chat_id = this.chat_id AND other.parent_id IS this.parent_id
                   WHERE this.id = ? ORDER BY other.id""",
                (message_id,),
            ).fetchall()
        if not rows:
            raise no_message()
        return [sibling for (sibling,) in rows]

    def select(self, message_id: int) -> None:
        """Show the branch of this message, down to its newest leaf."""
        with self._write() as db:
            if not chats_branches.select(db, message_id):
                raise no_message()

    def remove(self, message_id: int) -> None:
        """Take a message away for good, with all below it; another branch has to be on show."""
        with self._write() as db:
            chats_branches.remove(db, message_id)

    def take_out(self, message_id: int) -> TakenOut:
        """Take one message out; what hung below it stays, below what was above. :meth:`put_back` undoes that."""
        with self._write() as db:
            return chats_copies.take_out(db, message_id)

    def put_back(self, taken: TakenOut) -> None:
        """Put a message back that was taken out just before."""
        with self._write() as db:
            chats_copies.put_back(db, taken)

    def add(
        self,
        chat_id: int,
        parent_id: int | None,
        role: MessageRole,
        content: str,
        *,
        state: MessageState = "complete",
        model: str = "",
        reasoning: str = "",
        reasoning_seconds: float = 0.0,
        attachments: Sequence[Enclosed] = (),
    ) -> Message:
        """Add a turn below ``parent_id`` (None: a first turn); it becomes the end of the active branch."""
        with self._write() as db:
            made = chats_messages.add(
                db, chat_id, parent_id, role, content, now_in(db), state=state, model=model, reasoning=reasoning,
                reasoning_seconds=reasoning_seconds, attachments=attachments,
            )  # fmt: skip
            return self.message(made)

    def attachment_data(self, attachment: Attachment) -> bytes:
        """The bytes of an attachment, as long as a message has it."""
        with self._read() as db:
            return chats_attachments.data(db, attachment)

    def sent_texts(self, chat_id: int) -> dict[int, tuple[str, ...]]:
        """What the model was given of the documents of messages, by their ids: a text for each attachment."""
        with self._read() as db:
            return chats_attachments.sent_of_chat(db, chat_id)

    def append_text(
        self, message_id: int, text: str, *, reasoning: str = "", reasoning_seconds: float | None = None
    ) -> None:
        """Write more of a streaming answer; durable against a kill when this returns. Cost: what is new only.

        ``reasoning_seconds``: how long it has been thinking in all, where that has changed.
        """
        with self._write() as db:
            try:
                add_pieces(db, message_id, encodable(text), encodable(reasoning))
            except sqlite3.IntegrityError as error:
                raise no_message() from error
            if reasoning_seconds is not None:
                row = (reasoning_seconds, message_id)
                db.execute("UPDATE messages SET reasoning_seconds = ? WHERE id = ?", row)

    def turn_into_reasoning(self, message_id: int) -> None:
        """All text of a streaming answer so far was the reasoning before it."""
        with self._write() as db:
            db.execute("UPDATE pieces SET is_reasoning = 1 WHERE message_id = ?", (message_id,))

    def set_tool_calls(self, message_id: int, calls: tuple[ToolCall, ...]) -> None:
        """The tools that an answer has called so far, and what came of them."""
        with self._write() as db:
            db.execute("UPDATE messages SET tool_calls = ? WHERE id = ?", (encodable(calls_to_json(calls)), message_id))

    def set_text(self, message_id: int, text: str) -> None:
        """Replace the whole text of a message."""
        with self._write() as db:
            db.execute("DELETE FROM pieces WHERE message_id = ?", (message_id,))
            db.execute("UPDATE messages SET content = ? WHERE id = ?", (encodable(text), message_id))

    def finish(
        self,
        message_id: int,
        state: MessageState,
        statistics: Mapping[str, float] | None = None,
        note: str = "",
    ) -> Message:
        """Join what was streamed and say how it ended; from now on search finds it."""
        with self._write() as db:
            join_pieces(db, message_id)
            db.execute(
                "UPDATE messages SET state = ?, statistics = ?, note = ? WHERE id = ?",
                (state, json.dumps(dict(statistics or {})), encodable(note), message_id),
            )
            db.execute(
                "UPDATE chats SET updated = ? WHERE id = (SELECT chat_id FROM messages WHERE id = ?)",
                (now_in(db), message_id),
            )
            return self.message(message_id)

    def recover(self) -> int:
        """Call once at start: answers a killed process left unfinished become "interrupted"; returns how many."""
        unfinished = "SELECT id FROM messages WHERE state = 'streaming' UNION SELECT message_id FROM pieces"
        with self._write() as db:
            left = [left for (left,) in db.execute(unfinished)]
            for message_id in left:
                join_pieces(db, message_id)
                db.execute("UPDATE messages SET state = 'interrupted' WHERE id = ?", (message_id,))
        return len(left)

    # -- search and export ------------------------------------------------------------------------

    def search(self, query: str, limit: int = 50, *, everywhere: bool = False) -> list[SearchHit]:
        """Tags, titles and messages with all words of ``query`` (each may be the start of a word), best first.

        ``everywhere``: also in the archive and the trash.
        """
        with self._read() as db:
            return chats_search.search(db, encodable(query), limit, everywhere=everywhere)

    def export_markdown(self, chat_id: int, *, reasoning: bool = False) -> str:
        """The active branch to read, with the reasoning before answers or without."""
        return chats_export.to_markdown(self.chat(chat_id), self.messages(chat_id), reasoning=reasoning)

    def export_json(self, chat_id: int) -> str:
        """All branches with settings and statistics (format "heft-chat", version 1)."""
        with self._read() as db:
            return chats_export.to_json(db, self.chat(chat_id), self.messages(chat_id))

    # -- inside -----------------------------------------------------------------------------------

    @contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._db
            except sqlite3.Error as error:
                raise failure(self._path, "read", error) from error

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or nothing, also when the process is killed inside."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield self._db
                    self._db.execute("COMMIT")
                except BaseException:
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise failure(self._path, "write", error) from error
