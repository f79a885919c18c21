"""The functions of a Responses request, and which of them are to be used.

Tools that OpenAI's servers run may stand beside functions, as some programs always send them (codex): they are left
out, and so an answer does not list them. Where there is nothing else, or one of them has to be used, they are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from desktop.services.serve.door.conversation import Conversation, function_tool
from desktop.services.serve.door.fields import Fields
from desktop.services.serve.door.reading import objects, required_choice


def put_tools(request: Fields, talk: Conversation, echo: dict[str, Any]) -> None:
    """Into the conversation, and among the fields that an answer repeats. Raises DoorError."""
    tools = list(_tools(request))
    talk.tools = [function_tool(tool["name"], tool["description"] or "", tool["parameters"]) for tool in tools]
    choice = request.body.get("tool_choice")
    if isinstance(choice, str):
        talk.choice = request.choice("tool_choice", "none", "auto", "required") or "auto"
    elif (fields := request.object("tool_choice")) is not None:
        _choose(fields, talk)
    if talk.choice == "required" and not talk.tools:
        raise request.wrong("tool_choice", "may only be given with `tools`.", "invalid_value")
    parallel = request.flag("parallel_tool_calls", True)
    talk.parallel = parallel if request.has("parallel_tool_calls") else None
    echo |= {"tools": tools, "tool_choice": choice or "auto", "parallel_tool_calls": parallel}


def _tools(request: Fields) -> Iterator[dict[str, Any]]:
    """The functions, as an answer repeats them."""
    names: set[str] = set()
    tools = objects(request, "tools")
    functions = [tool for tool in tools if tool.required_text("type") == "function"]
    if tools and not functions:
        kind = tools[0].required_text("type")
        words = f"Heft has no tool '{kind[:60]}', which is OpenAI's: offer a function of your own."
        raise tools[0].wrong("type", words, "unsupported_value")
    for tool in functions:
        name = tool.required_text("name")
        if not name or name in names:
            words = f"two tools are named '{name}'." if name else "is to be a name."
            raise tool.wrong("name", words, "invalid_value")
        names.add(name)
        parameters = tool.object("parameters")
        yield {
            "type": "function",
            "name": name,
            "description": tool.text("description"),
            "parameters": parameters.body if parameters is not None else None,
            "strict": tool.flag("strict", True),
        }


def _choose(fields: Fields, talk: Conversation) -> None:
    match fields.required_text("type"):
        case "function":
            talk.choice = "required"
            talk.only([_named(fields, talk)])
        case "allowed_tools":
            talk.choice = required_choice(fields, "mode", "auto", "required")
            talk.only([_named(tool, talk) for tool in objects(fields, "tools")])
        case other:
            words = f"Heft has no tool '{other[:60]}', which is OpenAI's."
            raise fields.wrong("type", words, "unsupported_value")


def _named(fields: Fields, talk: Conversation) -> str:
    name = fields.required_text("name")
    if name not in [tool["function"]["name"] for tool in talk.tools]:
        raise fields.wrong("name", f"no tool is named '{name[:80]}'.", "invalid_value")
    return name
