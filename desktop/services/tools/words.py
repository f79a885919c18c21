"""What there is to say of servers of tools and of calls: the same in the settings, in the chat and in the commands."""

from __future__ import annotations

import shlex

from desktop.core.mcp_config import ToolServer
from desktop.core.tool_calls import ToolCall
from desktop.core.units import human_bytes
from desktop.core.words import counted
from desktop.services.kept_key import Place
from desktop.services.tools.server_view import ServerView

ABOUT = (
    "Programs that offer tools to models by the Model Context Protocol (MCP). Each runs with your rights and may reach "
    "the network: add only those that you trust. A model asks before it calls one, unless you allowed that."
)
STATES = {
    "asked": "asks to be called",
    "running": "is being called…",
    "done": "answered",
    "failed": "failed",
    "denied": "was not allowed",
    "stopped": "was stopped",
}


def how_words(server: ToolServer) -> str:
    """What is started, or the address."""
    return server.url or shlex.join((server.command, *server.args))


def count_words(count: int, what: str = "tool") -> str:
    """``1 tool``, ``3 tools``."""
    return counted(count, what)


def server_words(view: ServerView) -> str:
    """Whether it is on and what it offers, or why not and the one thing to do."""
    if view.saved.problem:
        return view.saved.problem
    if view.error is not None:
        return f"{view.error.message} {view.error.hint}".strip()
    match view.phase:
        case "off":
            return "Off."
        case "resting":
            return "On; it is started when a chat needs it."
        case "starting":
            return "Starting…"
    offered = [tool for tool in view.tools if not tool.refused]
    refused = len(view.tools) - len(offered)
    told = f"Runs, and offers {count_words(len(offered))}."
    return f"{told} {count_words(refused)} cannot be offered." if refused else told


def kept_words(place: Place | None, names: int) -> str:
    """Where the values are that a server is given; "" without any."""
    if place is None:
        return ""
    what = "Its value is" if names == 1 else "Its values are"
    if place == "file":
        return f"This computer has no keyring: {what[0].lower()}{what[1:]} in a file of Heft's that only you can read."
    return f"{what} in this computer's keyring."


def call_words(call: ToolCall) -> str:
    """``files · read_file answered · 1.2 s · 3.4 kB``."""
    parts = [f"{call.title} {STATES[call.state]}"]
    if call.state in ("done", "failed") and call.seconds:
        parts.append(f"{call.seconds:.1f} s" if call.seconds < 60 else f"{call.seconds / 60:.0f} min")
    if call.size:
        parts.append(human_bytes(call.size))
    return " · ".join(parts)
