"""Anthropic's conversation as the messages of a chat completion.

https://docs.anthropic.com/en/api/messages: content is a string or blocks. A user's message may hold results of tools,
which become messages of their own, before what else it says; neighbours of one role count as one turn.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from desktop.services.serve.door.conversation import tool_call
from desktop.services.serve.door.fields import Fields
from desktop.services.serve.door.pictures import base64_part, with_text
from desktop.services.serve.door.reading import misplaced, objects, required_choice, required_object

ChatMessages = list[dict[str, Any]]

_NO_RESULTS = "pictures are not taken out of a tool's result: put the image into a user's message."
_NO_ADDRESSES = "is to be 'base64': Heft fetches nothing from addresses, and keeps no files."
_NO_FILES = "of documents, Heft reads plain text only: put the text into the message."
# Claude Code's first line differs with every request, says nothing to a model, and would throw its cache away
_BILLING = re.compile(r"\Ax-anthropic-billing-header:(?:[^;\n]*;)*[^\S\n]*\n?")


def chat_messages(request: Fields) -> ChatMessages:
    """The whole conversation. Raises DoorError for whatever is not taken."""
    messages: ChatMessages = []
    system = _system(request)
    if system:
        messages.append({"role": "system", "content": system})
    request.required("messages")
    turns = objects(request, "messages")
    if not turns:
        raise request.wrong("messages", "at least one message is required.", "invalid_value")
    called: tuple[str, ...] = ()
    for number, turn in enumerate(turns):
        role = required_choice(turn, "role", "user", "assistant", "system")
        if number == 0 and role == "assistant":
            raise turn.wrong("role", "the first message has to be the user's.", "invalid_value")
        if role == "assistant":
            _all_answered(turn, called, ())
            said, called = _assistant(turn)
            messages.append(said)
        elif role == "user":
            results, text, pictures = _user(turn, called)
            _all_answered(turn, called, [result["tool_call_id"] for result in results])
            called = ()
            messages += results
            if text is not None or pictures:
                _add(messages, "user", text or "", pictures)
        else:
            _add(messages, "system", "\n".join(_text(block) for block in _blocks(turn, "content")))
    return messages


def _system(request: Fields) -> str:
    """The system prompt, a string or blocks of text."""
    if not request.body.get("system"):
        return ""
    texts = [_BILLING.sub("", _text(block), count=1) for block in _blocks(request, "system")]
    return "\n".join(text for text in texts if text)


def _all_answered(turn: Fields, called: Collection[str], answered: Collection[str]) -> None:
    missing = sorted(set(called) - set(answered))
    if missing:
        words = "`tool_use` ids were found without `tool_result` blocks immediately after:"
        raise misplaced(turn, f"{words} {', '.join(missing)}.")


def _add(messages: ChatMessages, role: str, text: str, pictures: Sequence[dict[str, Any]] = ()) -> None:
    """Append, or join to a neighbour of the same role: most templates want turns that alternate."""
    content = with_text(list(pictures), text)
    if not messages or messages[-1]["role"] != role:
        messages.append({"role": role, "content": content})
        return
    before = messages[-1]["content"]
    if isinstance(before, str) and isinstance(content, str):
        messages[-1]["content"] = f"{before}\n\n{content}"
    else:
        messages[-1]["content"] = [*_parted(before), *_parted(content)]


def _parted(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _picture(block: Fields) -> dict[str, Any]:
    source = required_object(block, "source")
    if source.required_text("type") != "base64":
        raise source.wrong("type", _NO_ADDRESSES, "invalid_value")
    return base64_part(source, "data", source.required_text("data"))


def _blocks(fields: Fields, field: str) -> list[Fields]:
    """Content in blocks; a string is one block of text."""
    value = fields.required(field)
    if isinstance(value, str):
        return [Fields({"type": "text", "text": value}, fields.name(field))]
    if not isinstance(value, list):
        raise fields.wrong(field, "is to be a string or an array of blocks.", "invalid_type")
    return objects(fields, field)


def _text(block: Fields) -> str:
    """A block that can only be text."""
    required_choice(block, "type", "text")
    return block.required_text("text")


def _user(turn: Fields, called: Collection[str]) -> tuple[ChatMessages, str | None, list[dict[str, Any]]]:
    """Results of tools as messages, what else was said, None where nothing was, and pictures."""
    results: ChatMessages = []
    pictures: list[dict[str, Any]] = []
    texts: list[str] = []
    for block in _blocks(turn, "content"):
        match block.required_text("type"):
            case "text":
                texts.append(_text(block))
            case "tool_result":
                results.append(_tool_result(block, called))
            case "image":
                pictures.append(_picture(block))
            case "document":
                texts.append(_document(block))
            case other:
                raise block.wrong("type", f"blocks of type '{other[:60]}' are not taken from a user.", "invalid_value")
    return results, "\n".join(texts) if texts or not (results or pictures) else None, pictures


def _document(block: Fields) -> str:
    source = required_object(block, "source")
    if source.required_text("type") != "text":
        raise misplaced(block, _NO_FILES)
    title = block.text("title")
    return f"{title}\n{source.required_text('data')}" if title else source.required_text("data")


def _tool_result(block: Fields, called: Collection[str]) -> dict[str, Any]:
    call = block.required_text("tool_use_id")
    if call not in called:
        words = f"no `tool_use` block of the message before has the id '{call[:80]}'."
        raise block.wrong("tool_use_id", words, "invalid_value")
    texts: list[str] = []
    for part in _blocks(block, "content") if block.has("content") else []:
        if part.required_text("type") == "image":
            raise misplaced(part, _NO_RESULTS)
        texts.append(_text(part))
    text = "\n".join(texts)
    if block.flag("is_error") and not text:
        text = "The tool failed."
    return {"role": "tool", "tool_call_id": call, "content": text}


def _assistant(turn: Fields) -> tuple[dict[str, Any], tuple[str, ...]]:
    """An earlier answer, and the ids of the tools that it called."""
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[dict[str, Any]] = []
    for block in _blocks(turn, "content"):
        match block.required_text("type"):
            case "text":
                texts.append(_text(block))
            case "thinking":
                thoughts.append(block.required_text("thinking"))
            case "redacted_thinking":
                continue  # another server's secret
            case "tool_use":
                calls.append(_call(block))
            case other:
                words = f"blocks of type '{other[:60]}' are not taken from an assistant."
                raise block.wrong("type", words, "invalid_value")
    said: dict[str, Any] = {"role": "assistant", "content": "".join(texts)}
    if thoughts:
        said["reasoning_content"] = "\n\n".join(thoughts)
    if calls:
        said["tool_calls"] = calls
    return said, tuple(call["id"] for call in calls)


def _call(block: Fields) -> dict[str, Any]:
    arguments = msgspec.json.encode(required_object(block, "input").body).decode()
    return tool_call(block.required_text("id"), block.required_text("name"), arguments)
