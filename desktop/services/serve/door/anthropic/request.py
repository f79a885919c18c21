"""A request of Anthropic's Messages API as a chat completion's body.

https://docs.anthropic.com/en/api/messages. What Heft cannot do is refused in words; what asks for nothing that could be
missed (``cache_control``, ``service_tier``, ``metadata``) is taken and left aside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from desktop.services.serve.door.anthropic.messages import chat_messages
from desktop.services.serve.door.conversation import Conversation, Tool, function_tool
from desktop.services.serve.door.fields import Fields
from desktop.services.serve.door.reading import (
    MOST_TOKENS,
    given,
    model_name,
    objects,
    refuse,
    required_choice,
    required_object,
)

_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_LEAST_BUDGET = 1024  # tokens, as Anthropic's
_EFFORTS = {"low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
_MOST_STOPS = 64
_ON_THE_SERVER = "Heft runs nothing on the server: let your program call the tools."


@dataclass(frozen=True)
class MessagesRequest:
    """What was asked. ``thinks`` says that the client wants to see thoughts."""

    model: str
    talk: Conversation
    options: dict[str, Any]
    stream: bool = False
    thinks: bool = False
    stop_sequences: tuple[str, ...] = ()


def messages_request(body: dict[str, Any]) -> MessagesRequest:
    """Raises DoorError for what is wrong or cannot be done."""
    request = Fields(body)
    model = model_name(request)
    request.required("max_tokens")
    limit = request.whole("max_tokens", 1, MOST_TOKENS) or 0
    talk = _conversation(request)
    thinks = _think(request, talk, limit)
    stops = request.texts("stop_sequences", _MOST_STOPS) or []
    if not all(stop.strip() for stop in stops):
        raise request.wrong("stop_sequences", "each has to hold more than white space.", "invalid_value")
    talk.schema = _schema(request)
    options = {"n_predict": limit} | _sampling(request) | ({"stop": stops} if stops else {})
    return MessagesRequest(model, talk, options, request.flag("stream"), thinks, tuple(stops))


def count_request(body: dict[str, Any]) -> tuple[str, Conversation]:
    """The model, and the conversation whose tokens are counted. Raises DoorError."""
    request = Fields(body)
    model = model_name(request)
    talk = _conversation(request)
    _think(request, talk, MOST_TOKENS)
    return model, talk


def _conversation(request: Fields) -> Conversation:
    for field in ("container", "mcp_servers"):
        refuse(request, field, _ON_THE_SERVER)
    talk = Conversation(chat_messages(request), list(_tools(request)))
    choice = request.object("tool_choice")
    if choice is None:
        return talk
    if not talk.tools:
        raise request.wrong("tool_choice", "may only be given with `tools`.", "invalid_value")
    kind = required_choice(choice, "type", "auto", "any", "tool", "none")
    talk.choice = kind if kind in ("auto", "none") else "required"
    if kind == "tool":
        name = choice.required_text("name")
        talk.only([name])
        if not talk.tools:
            raise choice.wrong("name", f"no tool is named '{name[:80]}'.", "invalid_value")
    if choice.flag("disable_parallel_tool_use"):
        talk.parallel = False
    return talk


def _tools(request: Fields) -> Iterator[Tool]:
    names: set[str] = set()
    for tool in objects(request, "tools"):
        kind = tool.text("type") or "custom"
        if kind != "custom":
            words = f"Heft has no tool '{kind[:60]}', which is Anthropic's: offer one of your own."
            raise tool.wrong("type", words, "unsupported_value")
        name = tool.required_text("name")
        if not _TOOL_NAME.fullmatch(name):
            raise tool.wrong("name", "is to be 1 to 128 letters, digits, _ and -.", "invalid_value")
        if name in names:
            raise tool.wrong("name", f"two tools are named '{name}'.", "invalid_value")
        names.add(name)
        schema = required_object(tool, "input_schema")
        required_choice(schema, "type", "object")
        yield function_tool(name, tool.text("description") or "", schema.body)


def _think(request: Fields, talk: Conversation, limit: int) -> bool:
    """Whether thoughts are wanted; without ``thinking`` they are not, as with Anthropic's models."""
    thinking = request.object("thinking")
    kind = "disabled"
    if thinking is not None:
        kind = required_choice(thinking, "type", "enabled", "disabled", "adaptive", "between_tools")
    if thinking is not None and kind == "enabled":
        thinking.required("budget_tokens")
        talk.budget = thinking.whole("budget_tokens", _LEAST_BUDGET, MOST_TOKENS)
        if talk.budget is not None and talk.budget >= limit:
            raise thinking.wrong("budget_tokens", "has to be less than `max_tokens`.", "invalid_value")
    wanted = kind != "disabled"
    if wanted and talk.choice == "required":
        words = "may not be enabled where `tool_choice` forces the use of a tool."
        raise request.wrong("thinking", words, "invalid_value")
    continues = talk.messages[-1]["role"] == "assistant"  # what was begun without thoughts goes on without
    talk.thinking = wanted and not continues
    output = request.object("output_config")
    effort = output.choice("effort", *_EFFORTS) if output is not None else None
    talk.effort = _EFFORTS[effort] if effort is not None else ""
    return wanted


def _sampling(request: Fields) -> dict[str, Any]:
    return given(
        temperature=request.number("temperature", 0, 1),
        top_p=request.number("top_p", 0, 1),
        top_k=request.whole("top_k", 0, MOST_TOKENS),
    )


def _schema(request: Fields) -> dict[str, Any] | None:
    """JSON by a schema: ``output_config.format``, or ``output_format`` of its beta."""
    output = request.object("output_config")
    form = (output.object("format") if output is not None else None) or request.object("output_format")
    if form is None:
        return None
    required_choice(form, "type", "json_schema")
    return required_object(form, "schema").body
