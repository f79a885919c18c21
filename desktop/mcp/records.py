"""What is asked of the process that speaks to one server of tools, and what it tells."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from desktop.core.failures import FailureKind
from desktop.core.mcp_config import ToolServer

PartKind = Literal["text", "picture", "sound", "resource", "link", "data"]


class Open(msgspec.Struct, frozen=True, tag="open"):
    """Reach this server, as the first request. ``proxy`` is for an address, "" for what the environment says."""

    server: ToolServer
    version: str
    proxy: str = ""


class Call(msgspec.Struct, frozen=True, tag="call"):
    """Call a tool; it may take so long from the last that it told of its progress."""

    number: int
    tool: str
    arguments: dict[str, Any]
    seconds: float


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """Give a call up."""

    number: int


class Bye(msgspec.Struct, frozen=True, tag="bye"):
    """End the server, and this process."""


Request = Open | Call | Cancel | Bye


class FoundTool(msgspec.Struct, frozen=True):
    """A tool as its server describes it. ``refused`` says why a model is not offered it, "" where it is."""

    name: str
    title: str = ""
    description: str = ""
    schema: dict[str, Any] = {}
    refused: str = ""


class Opened(msgspec.Struct, frozen=True, tag="opened"):
    """The server answers. ``protocol`` is the version that both speak."""

    title: str
    version: str
    protocol: str
    instructions: str
    tools: tuple[FoundTool, ...]


class ToolsChanged(msgspec.Struct, frozen=True, tag="tools-changed"):
    """The server has other tools now."""

    tools: tuple[FoundTool, ...]


class Progressed(msgspec.Struct, frozen=True, tag="progressed"):
    """A call goes on; ``total`` 0: not told."""

    number: int
    done: float
    total: float
    words: str


class ResultPart(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of a result. ``size`` is in bytes, of the whole of it; ``text`` may be cut, ``name`` is an address."""

    kind: PartKind
    text: str = ""
    mime: str = ""
    name: str = ""
    size: int = 0


class Returned(msgspec.Struct, frozen=True, tag="returned"):
    """A call's result; ``is_error``: the tool itself says that it failed."""

    number: int
    parts: tuple[ResultPart, ...]
    is_error: bool
    size: int


class CallFailed(msgspec.Struct, frozen=True, tag="call-failed"):
    """There is no result, and why."""

    number: int
    kind: FailureKind
    words: str
    detail: str = ""


class LogLine(msgspec.Struct, frozen=True, tag="log"):
    """What the server wrote beside its answers."""

    text: str


class Lost(msgspec.Struct, frozen=True, tag="lost"):
    """The server could not be reached, or is gone; this process ends."""

    kind: FailureKind
    words: str
    hint: str
    detail: str = ""


Event = Opened | ToolsChanged | Progressed | Returned | CallFailed | LogLine | Lost
