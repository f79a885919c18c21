"""Chats as files for others: Markdown to read, JSON with everything."""

from __future__ import annotations

import datetime
import json
import sqlite3
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import msgspec

from desktop.core.attachments import Attachment
from desktop.core.documents.prompt import place_words
from desktop.core.tool_calls import ToolCall, passages
from desktop.store import chats_attachments
from desktop.store.chats_pieces import complete
from desktop.store.chats_records import MESSAGE_COLUMNS, Chat, Message

JSON_FORMAT = "heft-chat"
JSON_VERSION = 1
_ENDINGS = {
    "stopped": "stopped by the user",
    "length": "ended at the token limit",
    "context-full": "ended because the context was full",
    "failed": "ended by an error",
    "interrupted": "interrupted",
    "streaming": "still being written",
}


def _when(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def to_markdown(chat: Chat, branch: Iterable[Message], *, reasoning: bool = False) -> str:
    """The active branch, one heading per turn. Message text is Markdown already and goes in as it is.

    ``reasoning``: what a model thought before its answer goes before it, as a quote.
    """
    from desktop.core.markdown import quoted  # at its first use

    title = " ".join(chat.title.split()) or "Chat"
    parts = [f"# {title}"]
    about = [f"Model: {chat.model}"] if chat.model else []
    parts.append("*" + " · ".join([*about, _when(chat.created)]) + "*")
    if chat.system_prompt:
        parts += ["## System prompt", chat.system_prompt]
    branch = list(branch)
    unseen = chat.model_view.unseen(branch)
    if summary := chat.model_view.summary_of(branch):
        parts += ["## Summary of the earlier turns", summary]
    for place, message in enumerate(branch, 1):
        name = message.model or "Assistant"
        parts.append("## You" if message.role == "user" else f"## {name}")
        if reasoning and message.reasoning:
            parts.append(quoted(message.reasoning))
        parts += [f"*(Attached: {_attached(file)})*" for file in message.attachments]
        for passage in passages(message.content, "", message.tool_calls):
            parts += [passage.text] if passage.text or not message.tool_calls else []
            parts += [_called(call) for call in passage.calls]
        remarks = [_ENDINGS.get(message.state, ""), message.note]
        said = "; ".join(remark for remark in remarks if remark)
        if said:
            parts.append(f"*({said})*")
        if place == unseen:
            parts.append("*(The model does not see what is above.)*")
    return "\n\n".join(parts) + "\n"


def _attached(file: Attachment) -> str:
    """Its name, and what of it the model saw where that is not all."""
    if file.citations:
        return "; ".join(
            [
                f"passages of {file.name}",
                *(f"[{one.number}] {place_words(one.paging, one.first, one.last)}" for one in file.citations),
            ]
        )
    return f"the beginning of {file.name}" if file.way == "beginning" else file.name


def _called(call: ToolCall) -> str:
    """A tool, its arguments and what came of it, as a quote."""
    from desktop.core.markdown import fenced, quoted  # as above

    ended = "" if call.state == "done" else f" ({call.state})"
    result = fenced(call.result) if call.result else ""
    return quoted(
        "\n\n".join(filter(None, [f"**{call.title}**{ended}", fenced(call.arguments or "{}", "json"), result]))
    )


def to_json(db: sqlite3.Connection, chat: Chat, branch: Sequence[Message]) -> str:
    """All branches: every message with its parent, and ``active`` = ids of the branch on show, root first.

    Bytes of attachments go in as base64, by their SHA-256; what the model was given of documents stands with these.
    """
    rows = db.execute(f"SELECT {MESSAGE_COLUMNS} FROM messages WHERE chat_id = ? ORDER BY id", (chat.id,))
    everything = complete(db, chat.id, rows.fetchall())
    files = chats_attachments.all_data(db, (file for message in everything for file in message.attachments))
    sent = chats_attachments.sent_of_chat(db, chat.id)
    document = {
        "format": JSON_FORMAT,
        "version": JSON_VERSION,
        "chat": asdict(chat),
        "active": [message.id for message in branch],
        "messages": [_entry(message, sent.get(message.id, ())) for message in everything],
        "files": {sha256: b64encode(data).decode() for sha256, data in files.items()},
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _entry(message: Message, sent: Sequence[str]) -> dict[str, Any]:
    attached = [
        asdict(file) | {"citations": msgspec.to_builtins(file.citations), "sent": text}
        for file, text in zip(message.attachments, sent, strict=True)
    ]
    return asdict(message) | {"attachments": attached, "tool_calls": msgspec.to_builtins(message.tool_calls)}
