"""Chats as files for others: Markdown to read, JSON with everything."""

from __future__ import annotations

import datetime
import json
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from desktop.core.markdown import quoted
from desktop.store.chats_records import Chat, Message

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
        parts += [f"*(Attached: {file.name})*" for file in message.attachments]
        parts.append(message.content)
        remarks = [_ENDINGS.get(message.state, ""), message.note]
        said = "; ".join(remark for remark in remarks if remark)
        if said:
            parts.append(f"*({said})*")
        if place == unseen:
            parts.append("*(The model does not see what is above.)*")
    return "\n\n".join(parts) + "\n"


def to_json(chat: Chat, messages: Iterable[Message], branch: Sequence[int], files: Mapping[str, bytes]) -> str:
    """All branches: every message with its parent, and ``active`` = ids of the branch on show, root first.

    ``files`` are the bytes of attachments by their SHA-256; they go in as base64.
    """
    document = {
        "format": JSON_FORMAT,
        "version": JSON_VERSION,
        "chat": asdict(chat),
        "active": list(branch),
        "messages": [asdict(message) for message in messages],
        "files": {sha256: b64encode(data).decode() for sha256, data in files.items()},
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
