"""Calls of tools as they stream, put together; and a conversation with them in the OpenAI protocol's form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from desktop.core.tool_calls import CalledTool, ToolSpec
from desktop.engine.api import ChatMessage
from desktop.engine.endpoint.media_part import part_of

MOST_CALLS = 32  # of one round
LONGEST_ARGUMENTS = 1_000_000  # characters


class ToolDeltas:
    """Takes the deltas of one answer. Servers differ: some leave out the index, some send all of a call at once."""

    def __init__(self) -> None:
        self._found: list[list[str]] = []  # id, name, arguments

    def __bool__(self) -> bool:
        return bool(self._found)

    def take(self, deltas: Iterable[dict[str, Any]]) -> None:
        """More of them; what is no delta is left out."""
        for delta in deltas:
            function = delta.get("function")
            function = function if isinstance(function, dict) else {}
            name, more = _text(function.get("name")), function.get("arguments")
            index = delta.get("index")
            if not isinstance(index, int) or isinstance(index, bool):
                index = len(self._found) if name or not self._found else len(self._found) - 1
            if not 0 <= index < MOST_CALLS:
                continue
            while len(self._found) <= index:
                self._found.append(["", "", ""])
            call = self._found[index]
            call[0] = call[0] or _text(delta.get("id"))
            call[1] += name if not call[1].endswith(name) or not name else ""
            if isinstance(more, dict):  # Ollama's own form
                import msgspec

                more = msgspec.json.encode(more).decode()
            if len(call[2]) < LONGEST_ARGUMENTS:
                call[2] += _text(more)

    def calls(self) -> tuple[CalledTool, ...]:
        """Those that have a name; each has an id of its own."""
        made: list[CalledTool] = []
        seen: set[str] = set()
        for number, (given, name, arguments) in enumerate(self._found):
            if not name:
                continue
            own = given if given and given not in seen else f"call_{number}_{len(seen)}"
            seen.add(own)
            made.append(CalledTool(own, name, arguments))
        return tuple(made)


def tool_turn(message: ChatMessage, *, reasoning: bool) -> dict[str, Any]:
    """A message in the protocol's form. ``reasoning``: the server takes what was thought before an answer."""
    turn: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.media:
        words = [{"type": "text", "text": message.content}] if message.content else []
        turn["content"] = [*map(part_of, message.media), *words]
    if message.reasoning and reasoning:
        turn["reasoning_content"] = message.reasoning
    if message.calls:
        turn["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments or "{}"}}
            for call in message.calls
        ]
    if message.role == "tool":
        turn["tool_call_id"] = message.answers
    return turn


def tool_fields(tools: Sequence[ToolSpec]) -> dict[str, Any]:
    """The field ``tools`` of a request; none without tools."""
    if not tools:
        return {}
    return {
        "tools": [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.schema},
            }
            for tool in tools
        ]
    }


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
