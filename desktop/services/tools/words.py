"""What there is to say of servers of tools and of calls: the same in the settings, in the chat and in the commands."""

from __future__ import annotations

import shlex

from desktop.core.mcp_config import ToolServer
from desktop.core.tool_calls import ToolCall
from desktop.core.units import human_bytes
from desktop.core.words import counted, tr
from desktop.services.kept_key import Place
from desktop.services.tools.server_view import ServerView

ABOUT = tr(
    "Programs that offer tools to models by the Model Context Protocol (MCP). Each runs "
    "with your rights and may reach the network: add only those that you trust. A model "
    "asks before it calls one, unless you allowed that."
)
STATES = {
    "asked": tr("asks to be called"),
    "running": tr("is being called…"),
    "done": tr("answered"),
    "failed": tr("failed"),
    "denied": tr("was not allowed"),
    "stopped": tr("was stopped"),
}


def how_words(server: ToolServer) -> str:
    """What is started, or the address."""
    return server.url or shlex.join((server.command, *server.args))


def count_words(count: int) -> str:
    """``1 tool``, ``3 tools``."""
    return counted(count, "tool")


def server_words(view: ServerView) -> str:
    """Whether it is on and what it offers, or why not and the one thing to do."""
    if view.saved.problem:
        return view.saved.problem
    if view.error is not None:
        return f"{view.error.message} {view.error.hint}".strip()
    match view.phase:
        case "off":
            return tr("Off.")
        case "resting":
            return tr("On; it is started when a chat needs it.")
        case "starting":
            return tr("Starting…")
    offered = [tool for tool in view.tools if not tool.refused]
    refused = len(view.tools) - len(offered)
    told = tr("Runs, and offers {offered}.", offered=count_words(len(offered)))
    return tr("{told} {refused} cannot be offered.", told=told, refused=count_words(refused)) if refused else told


def kept_words(place: Place | None, names: int) -> str:
    """Where the values are that a server is given; "" without any."""
    if place is None:
        return ""
    what = tr("Its value is") if names == 1 else tr("Its values are")
    if place == "file":
        return tr(
            "This computer has no keyring: {lower}{what} in a file of Heft's that only you can read.",
            lower=what[0].lower(),
            what=what[1:],
        )
    return tr("{what} in this computer's keyring.", what=what)


def call_words(call: ToolCall) -> str:
    """``files · read_file answered · 1.2 s · 3.4 kB``."""
    parts = [f"{call.title} {STATES[call.state]}"]
    if call.state in ("done", "failed") and call.seconds:
        parts.append(
            f"{call.seconds:.1f} s" if call.seconds < 60 else tr("{seconds:.0f} min", seconds=call.seconds / 60)
        )
    if call.size:
        parts.append(human_bytes(call.size))
    return " · ".join(parts)
