"""What the chat store keeps: a chat, a message, and how a row of the database becomes one."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from desktop.core.attachments import Attachment
from desktop.core.sampling_fields import SamplingValues
from desktop.core.tool_calls import ToolCall, calls_from_json
from desktop.core.tool_choice import TakenOut

MessageRole = Literal["user", "assistant"]
MessageState = Literal["complete", "streaming", "stopped", "length", "context-full", "failed", "interrupted"]


@dataclass(frozen=True)
class ModelView:
    """What of a chat its model sees, where that is not all of it.

    ``hidden_to`` is the last message that it does not see, with all above that. ``summary`` stands for the messages to
    ``summarised_to``, which it does not see either. On a branch without such a message neither counts. ``rolling``: the
    oldest turns are dropped by themselves as the chat grows. ``tools_out`` are the tools that it is not offered here
    (desktop/core/tool_choice.py).
    """

    hidden_to: int | None = None
    summary: str = ""
    summarised_to: int | None = None
    rolling: bool = False
    tools_out: TakenOut = ()

    def unseen(self, branch: Sequence[Message]) -> int:
        """How many messages of a branch the model does not see, from its first."""
        ends = (self.hidden_to, self.summarised_to)
        return max((place for place, message in enumerate(branch, 1) if message.id in ends), default=0)

    def summary_of(self, branch: Sequence[Message]) -> str:
        """The summary that stands before a branch; "" where it is of another one."""
        return self.summary if any(message.id == self.summarised_to for message in branch) else ""


@dataclass(frozen=True)
class Chat:
    """One conversation and the settings it is held with.

    ``model`` is the name to show, ``model_path`` the file last used. ``sampling`` holds what its user set
    (desktop/core/sampling_fields.py); {}: all as the model or Heft has it. ``max_tokens`` 0 is no limit,
    ``context_length`` 0 the engine's choice (tokens). ``created``, ``updated`` and ``deleted`` are Unix seconds; a chat
    that is not in the trash has no ``deleted``. ``folder`` "" is none.
    """

    id: int
    title: str
    model: str
    system_prompt: str
    sampling: SamplingValues
    max_tokens: int
    created: float
    updated: float
    model_path: str = ""
    context_length: int = 0
    model_view: ModelView = ModelView()
    folder: str = ""
    pinned: bool = False
    archived: bool = False
    deleted: float | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Message:
    """One turn. ``sibling_index`` counts from 0 among the ``sibling_count`` versions of this turn.

    ``reasoning`` is what the model thought before its answer, ``reasoning_seconds`` how long (0: not measured).
    ``tool_calls`` are the tools that it called, in order.
    """

    id: int
    chat_id: int
    parent_id: int | None
    role: MessageRole
    content: str
    state: MessageState
    model: str
    created: float
    statistics: dict[str, float]
    note: str
    sibling_index: int
    sibling_count: int
    reasoning: str = ""
    reasoning_seconds: float = 0.0
    attachments: tuple[Attachment, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True)
class Written:
    """Text of a streaming answer that is still in pieces."""

    content: str = ""
    reasoning: str = ""


def path_value(path: str) -> str | bytes:
    """A path as SQLite can keep it: its bytes where they are no Unicode."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


CHAT_COLUMNS = (
    "id, title, model, system_prompt, sampling, max_tokens, created, updated, model_path, context_length, model_view, "
    "folder, pinned, archived, deleted, tags"
)
MESSAGE_COLUMNS = (
    "id, chat_id, parent_id, role, content, state, model, created, statistics, note, reasoning, reasoning_seconds, "
    "tool_calls"
)


def chat_from_row(row: tuple[Any, ...]) -> Chat:
    """A row of CHAT_COLUMNS as a chat."""
    made_id, title, model, system_prompt, sampling, max_tokens, created, updated, model_path, context_length = row[:10]
    seen, folder, pinned, archived, deleted, tags = row[10:]
    return Chat(
        made_id,
        title,
        model,
        system_prompt,
        json.loads(sampling),
        max_tokens,
        created,
        updated,
        os.fsdecode(model_path),
        context_length,
        msgspec.json.decode(seen, type=ModelView),
        folder,
        bool(pinned),
        bool(archived),
        deleted,
        tuple(json.loads(tags)),
    )


_NO_STATISTICS = "{}"  # as they are stored: nearly half of all messages


def message_from_row(
    row: tuple[Any, ...], more: Written, index: int, count: int, attachments: tuple[Attachment, ...]
) -> Message:
    """A row of MESSAGE_COLUMNS, with the text still in pieces and its place among its siblings, as a message."""
    made_id, chat_id, parent_id, role, content, state, model, created, statistics, note, reasoning, seconds = row[:12]
    return Message(
        made_id,
        chat_id,
        parent_id,
        role,
        content + more.content,
        state,
        model,
        created,
        json.loads(statistics) if statistics != _NO_STATISTICS else {},
        note,
        index,
        count,
        reasoning + more.reasoning,
        seconds,
        attachments,
        calls_from_json(row[12]),
    )


def now_in(db: sqlite3.Connection) -> float:
    """The time, but after every chat's last: a clock that is set back puts no new chat below old ones."""
    (newest,) = db.execute("SELECT max(updated) FROM chats").fetchone()
    return max(time.time(), (newest or 0.0) + 1e-3)
