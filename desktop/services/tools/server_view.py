"""A server of tools as pages and commands see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from desktop.core.errors import HeftError
from desktop.mcp.records import FoundTool, Opened
from desktop.store.tool_servers import SavedServer

Phase = Literal["off", "resting", "starting", "ready", "failed"]


@dataclass(frozen=True)
class ServerView:
    """A server as it is now. ``resting``: switched on, and started when a chat needs it."""

    saved: SavedServer
    phase: Phase = "off"
    opened: Opened | None = None
    tools: tuple[FoundTool, ...] = ()
    error: HeftError | None = None
    log: tuple[str, ...] = ()
    always: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What it is called here."""
        return self.saved.server.name
