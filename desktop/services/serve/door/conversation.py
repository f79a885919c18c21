"""What the dialects that are translated have in common: how a conversation is asked of the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from desktop.core.thinking import Thinking
from desktop.services.serve.door.answers import Asked

Tool = dict[str, Any]
ANY_OBJECT: dict[str, Any] = {"type": "object"}


@dataclass
class Conversation:
    """A conversation in the fields of a chat completion.

    ``choice`` is "auto", "none" or "required"; where one tool has to be used, the others are left out (:meth:`only`).
    ``schema`` is a JSON schema that the answer has to follow. ``thinking`` None leaves it to the model; ``effort``
    "none" switches it off. ``budget`` is how many tokens may be thought.
    """

    messages: list[dict[str, Any]]
    tools: list[Tool] = field(default_factory=list)
    choice: str = "auto"
    parallel: bool | None = None
    schema: dict[str, Any] | None = None
    thinking: bool | None = None
    effort: str = ""
    budget: int | None = None

    def only(self, names: Sequence[str]) -> None:
        """Leave these tools and no others."""
        self.tools = [tool for tool in self.tools if tool["function"]["name"] in names]

    def asked(self, options: dict[str, Any], knows: Thinking, *, streams: bool) -> Asked:
        """As it is asked of the engine; ``options`` say how tokens are chosen, in llama.cpp's names, ``knows`` what the
        model's template knows of thinking.
        """
        found: dict[str, Any] = {"messages": self.messages}
        if self.tools:
            found |= {"tools": self.tools, "tool_choice": self.choice}
            if self.parallel is not None:
                found["parallel_tool_calls"] = self.parallel
        if self.schema is not None:
            found["json_schema"] = self.schema or ANY_OBJECT
        arguments = knows.arguments(False if self.effort == "none" else self.thinking, self.effort)
        if arguments:
            found["chat_template_kwargs"] = arguments
        if self.budget is not None:
            found["thinking_budget_tokens"] = self.budget
        formed = self.schema is not None or (bool(self.tools) and self.choice != "none")
        told = {"verbose": True} if formed and options.get("stop") else {}  # which stop string it was
        return Asked(found, options | told, formed=formed, streams=streams)


def function_tool(name: str, description: str, parameters: dict[str, Any] | None) -> Tool:
    """A tool as a chat completion has it."""
    named = {"name": name, "description": description, "parameters": parameters or ANY_OBJECT}
    return {"type": "function", "function": named}


def tool_call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    """A call in an earlier answer; ``arguments`` is JSON."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
