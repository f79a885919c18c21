"""What the chat store keeps: a chat, a message, and how a row of the database becomes one."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, Literal

from desktop.core.sampling_fields import SamplingValues

MessageRole = Literal["user", "assistant"]
MessageState = Literal["complete", "streaming", "stopped", "length", "context-full", "failed", "interrupted"]


@dataclass(frozen=True)
class Chat:
    """One conversation and the settings it is held with.

    ``model`` is the name to show, ``model_path`` the file last used. ``sampling`` holds what its user set
    (desktop/core/sampling_fields.py); {}: all as the model or Heft has it. ``max_tokens`` 0 is no limit,
    ``context_length`` 0 the engine's choice (tokens). ``created`` and ``updated`` are Unix seconds.
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


@dataclass(frozen=True)
class Message:
    """One turn. ``sibling_index`` counts from 0 among the ``sibling_count`` versions of this turn.

    ``reasoning`` is what the model thought before its answer, ``reasoning_seconds`` how long (0: not measured).
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


CHAT_COLUMNS = "id, title, model, system_prompt, sampling, max_tokens, created, updated, model_path, context_length"
MESSAGE_COLUMNS = (
    "id, chat_id, parent_id, role, content, state, model, created, statistics, note, reasoning, reasoning_seconds"
)


def chat_from_row(row: tuple[Any, ...]) -> Chat:
    """A row of CHAT_COLUMNS as a chat."""
    made_id, title, model, system_prompt, sampling, max_tokens, created, updated, model_path, context_length = row
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
    )


def message_from_row(row: tuple[Any, ...], more: Written, index: int, count: int) -> Message:
    """A row of MESSAGE_COLUMNS, with the text still in pieces and its place among its siblings, as a message."""
    made_id, chat_id, parent_id, role, content, state, model, created, statistics, note, reasoning, seconds = row
    return Message(
        made_id,
        chat_id,
        parent_id,
        role,
        content + more.content,
        state,
        model,
        created,
        json.loads(statistics),
        note,
        index,
        count,
        reasoning + more.reasoning,
        seconds,
    )
