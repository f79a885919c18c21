"""The messages and tools of a chat, checked before the engine sees them. Parts that no model here takes are refused."""

from __future__ import annotations

from typing import Any

from desktop.services.serve.door.fields import Fields
from desktop.services.serve.door.pictures import picture_part

_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_MOST_TOOLS = 512


def messages(fields: Fields) -> list[dict[str, Any]]:
    """For the engine. Raises DoorError (400)."""
    fields.required("messages")
    found = fields.objects("messages") or []
    if not found:
        raise fields.wrong("messages", "is to have at least one message.", "empty_array")
    return [_message(each) for each in found]


def _message(message: Fields) -> dict[str, Any]:
    message.required("role")
    role = message.choice("role", *_ROLES) or ""
    kept: dict[str, Any] = {"role": "system" if role == "developer" else role, "content": _content(message, role)}
    for name in ("name", "reasoning_content"):
        value = message.text(name)
        if value is not None:
            kept[name] = value
    if role == "tool":
        kept["tool_call_id"] = message.required_text("tool_call_id")
    calls = message.objects("tool_calls") if role == "assistant" else None
    if calls:
        kept["tool_calls"] = [_call(each) for each in calls]
    if kept["content"] is None and not calls:
        raise message.wrong("content", "is to be there.", "missing_required_parameter")
    return kept


def _content(message: Fields, role: str) -> Any:
    content = message.body.get("content")
    if content is None:
        return message.text("refusal") if role == "assistant" else None
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise message.wrong("content", "is to be a string or an array of parts.", "invalid_type")
    return [_part(each, role) for each in message.objects("content") or ()]


def _part(part: Fields, role: str) -> dict[str, Any]:
    part.required("type")
    kind = part.text("type") or ""
    if kind in ("text", "input_text", "output_text"):
        return {"type": "text", "text": part.required_text("text")}
    if kind == "refusal" and role == "assistant":
        return {"type": "text", "text": part.required_text("refusal")}
    if kind == "image_url" and role == "user":
        part.required("image_url")
        if isinstance(part.body["image_url"], str):  # as some clients have it
            return picture_part(part, "image_url", part.body["image_url"])
        image = part.nested("image_url")
        assert image is not None
        return picture_part(image, "url", image.required_text("url"))
    raise part.wrong("type", f"'{kind[:40]}' is not taken: only text is, and pictures of a user.", "invalid_value")


def _call(call: Fields) -> dict[str, Any]:
    call.choice("type", "function")
    call.required("function")
    function = call.nested("function")
    assert function is not None
    arguments = function.text("arguments") or "{}"
    return {
        "id": call.text("id") or "",
        "type": "function",
        "function": {"name": function.required_text("name"), "arguments": arguments},
    }


def tools(fields: Fields) -> dict[str, Any]:
    """``tools``, ``tool_choice`` and ``parallel_tool_calls`` for the engine. Raises DoorError (400)."""
    for name in ("functions", "function_call"):
        if fields.has(name):
            raise fields.wrong(name, "is not taken; use 'tools' and 'tool_choice'.", "unsupported_parameter")
    given = fields.objects("tools") or []
    if len(given) > _MOST_TOOLS:
        raise fields.wrong("tools", f"at most {_MOST_TOOLS} are taken.", "array_above_max_length")
    found = [_tool(each) for each in given]
    names = {each["function"]["name"] for each in found}
    choice = _tool_choice(fields, names)
    if isinstance(choice, str) and choice in names:  # the engine knows no choice of one: it gets this one alone
        found = [each for each in found if each["function"]["name"] == choice]
        choice = "required"
    kept: dict[str, Any] = {"tools": found} if found else {}
    if found and choice is not None:
        kept["tool_choice"] = choice
    if found and fields.has("parallel_tool_calls"):
        kept["parallel_tool_calls"] = fields.flag("parallel_tool_calls")
    return kept


def _tool(tool: Fields) -> dict[str, Any]:
    tool.required("type")
    tool.choice("type", "function")
    tool.required("function")
    function = tool.nested("function")
    assert function is not None
    parameters = function.nested("parameters")
    kept: dict[str, Any] = {"name": function.required_text("name"), "description": function.text("description") or ""}
    kept["parameters"] = parameters.body if parameters is not None else {"type": "object", "properties": {}}
    return {"type": "function", "function": kept}


def _tool_choice(fields: Fields, names: set[str]) -> str | None:
    choice = fields.body.get("tool_choice")
    if choice is None:
        return None
    if isinstance(choice, str):
        fields.choice("tool_choice", "none", "auto", "required")
        if choice == "required" and not names:
            raise fields.wrong("tool_choice", "is only taken with 'tools'.", "invalid_value")
        return choice
    named = fields.nested("tool_choice")
    assert named is not None
    named.required("type")
    named.choice("type", "function")
    named.required("function")
    function = named.nested("function")
    assert function is not None
    name = function.required_text("name")
    if name not in names:
        raise function.wrong("name", f"'{name[:100]}' is none of the tools.", "invalid_value")
    return name
