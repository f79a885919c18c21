"""The input items of OpenAI's Responses API as the messages of a chat completion.

https://platform.openai.com/docs/api-reference/responses: messages, calls of functions with their outputs, and reasoning
stand in one list; what an answer consisted of becomes one message again.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from desktop.services.serve.door.conversation import tool_call
from desktop.services.serve.door.fields import Fields
from desktop.services.serve.door.pictures import picture_part, with_text
from desktop.services.serve.door.reading import misplaced, objects, required_choice

ChatMessages = list[dict[str, Any]]
Item = dict[str, Any]

_CARRIED = "heft:"
_NO_PICTURES = "pictures are taken out of a user's message alone."
_NO_FILE_IDS = "Heft keeps no files: send the picture as a data URL."
_NO_FILES = "Heft reads no files: put their text into the message."


def carried(thought: str) -> str:
    """A thought as ``encrypted_content``, for clients that keep nothing else of it. It is encoded, not encrypted: it
    never leaves those who know it.
    """
    return _CARRIED + base64.b64encode(thought.encode("utf-8", "replace")).decode()


def input_items(request: Fields) -> list[Item]:
    """``input`` as a list of items; a string is one message. Raises DoorError."""
    value = request.required("input")
    if isinstance(value, str):
        return [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": value}]}]
    if not isinstance(value, list):
        raise request.wrong("input", "is to be a string or an array of items.", "invalid_type")
    return [item.body for item in objects(request, "input")]


def chat_messages(earlier: list[Item], new: list[Item], known: Callable[[str], Item | None]) -> ChatMessages:
    """The conversation: what was kept, then what the request brings. ``known`` finds the item of a reference. Raises
    DoorError.
    """
    messages: ChatMessages = []
    calls: set[str] = set()
    kept = [Fields(item, "previous_response_id") for item in earlier]
    for item in (*kept, *(Fields(value, f"input[{number}]") for number, value in enumerate(new))):
        _take(_resolved(item, known), messages, calls)
    return messages


def _resolved(item: Fields, known: Callable[[str], Item | None]) -> Fields:
    if item.body.get("type") != "item_reference":
        return item
    name = item.required_text("id")
    found = known(name)
    if found is None:
        raise item.wrong("id", f"no item '{name[:80]}' is kept: send the item itself.", "invalid_value")
    return Fields(found, item.name("").rstrip("."))


def _take(item: Fields, messages: ChatMessages, calls: set[str]) -> None:
    match item.text("type") or "message":
        case "message":
            _message(item, messages)
        case "reasoning":
            thought = _thought(item)
            if thought:
                _answer(messages, begins=True)["reasoning_content"] = thought
        case "function_call":
            calls.add(item.required_text("call_id"))
            _answer(messages).setdefault("tool_calls", []).append(_call(item))
        case "function_call_output":
            messages.append(_output(item, calls))
        case other:
            raise item.wrong("type", f"items of type '{other[:60]}' are not taken.", "unsupported_value")


def _answer(messages: ChatMessages, *, begins: bool = False) -> dict[str, Any]:
    """The answer that an item is a part of: the last message where that is one, else a new one. ``begins``: the item
    is the first of an answer.
    """
    if not messages or messages[-1]["role"] != "assistant" or (begins and _said(messages[-1])):
        messages.append({"role": "assistant", "content": ""})
    return messages[-1]


def _said(message: dict[str, Any]) -> bool:
    return bool(message["content"] or message.get("tool_calls"))


def _message(item: Fields, messages: ChatMessages) -> None:
    role = required_choice(item, "role", "user", "assistant", "system", "developer")
    pictures: list[dict[str, Any]] = []
    text = _text(item, "content", pictures if role == "user" else None)
    if role == "assistant":
        _answer(messages, begins=True)["content"] = text
    else:
        messages.append({"role": "system" if role == "developer" else role, "content": with_text(pictures, text)})


def _text(item: Fields, field: str, pictures: list[dict[str, Any]] | None = None) -> str:
    """Content as text: a string, or parts of text; pictures among them go into the list, where there is one."""
    value = item.required(field)
    if isinstance(value, str):
        return value
    texts = []
    for part in objects(item, field):
        match part.required_text("type"):
            case "input_text" | "output_text" | "text":
                texts.append(part.required_text("text"))
            case "refusal":
                texts.append(part.required_text("refusal"))
            case "input_image":
                if pictures is None:
                    raise misplaced(part, _NO_PICTURES)
                if part.has("file_id"):
                    raise part.wrong("file_id", _NO_FILE_IDS, "unsupported_value")
                pictures.append(picture_part(part, "image_url", part.required_text("image_url")))
            case "input_file":
                raise misplaced(part, _NO_FILES)
            case other:
                raise part.wrong("type", f"content of type '{other[:60]}' is not taken.", "unsupported_value")
    return "\n".join(texts)


def _thought(item: Fields) -> str:
    """What was thought: the content, what carries it, or the summary."""
    whole = "".join(part.required_text("text") for part in objects(item, "content"))
    if whole:
        return whole
    kept = item.text("encrypted_content") or ""
    if kept.startswith(_CARRIED):
        try:
            return base64.b64decode(kept.removeprefix(_CARRIED), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise item.wrong("encrypted_content", "is not what Heft sent.", "invalid_value") from None
    return "\n\n".join(part.required_text("text") for part in objects(item, "summary"))


def _call(item: Fields) -> dict[str, Any]:
    return tool_call(item.required_text("call_id"), item.required_text("name"), item.required_text("arguments"))


def _output(item: Fields, calls: set[str]) -> dict[str, Any]:
    call = item.required_text("call_id")
    if call not in calls:
        words = f"no function call of the input has the id '{call[:80]}'."
        raise item.wrong("call_id", words, "invalid_value")
    return {"role": "tool", "tool_call_id": call, "content": _text(item, "output")}
