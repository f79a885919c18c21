"""Chats as files for others: Markdown to read, JSON with everything."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from msgspec import to_builtins

from desktop.core.markdown import fenced, quoted
from desktop.core.tool_calls import ToolCall, passages
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


def _called(call: ToolCall) -> str:
    """A tool, its arguments and what came of it, as a quote."""
    ended = "" if call.state == "done" else f" ({call.state})"
    result = fenced(call.result) if call.result else ""
    return quoted(
        "\n\n".join(filter(None, [f"**{call.title}**{ended}", fenced(call.arguments or "{}", "json"), result]))
    )


def to_json(chat: Chat, messages: Iterable[Message], branch: Sequence[int]) -> str:
    """All branches: every message with its parent, and ``active`` = ids of the branch on show, root first."""
    document = {
        "format": JSON_FORMAT,
        "version": JSON_VERSION,
        "chat": asdict(chat),
        "active": list(branch),
        "messages": [asdict(message) | {"tool_calls": to_builtins(message.tool_calls)} for message in messages],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
