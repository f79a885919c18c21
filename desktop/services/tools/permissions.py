"""Which tools may be called without asking: in one chat for now, or always; anything else is asked."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import replace
from typing import Literal

from desktop.mcp.records import FoundTool
from desktop.store.tool_servers import SavedTools, ToolServerStore

Decision = Literal["once", "chat", "always", "no"]


def seal_of(tool: FoundTool) -> str:
    """What a permission is given for: a tool that describes itself otherwise afterwards is another one."""
    told = json.dumps([tool.name, tool.description, tool.schema], sort_keys=True)
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:32]


class Permissions:
    """Thread-safe."""

    def __init__(self, store: ToolServerStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._chats: dict[int, set[tuple[str, str, str]]] = {}

    def allowed(self, chat_id: int, server: str, tool: FoundTool) -> bool:
        """Whether it may be called in this chat without asking."""
        wanted = (server, tool.name, seal_of(tool))
        with self._lock:
            if wanted in self._chats.get(chat_id, ()):
                return True
        return wanted in self._store.read().allowed

    def remember(self, decision: Decision, chat_id: int, server: str, tool: FoundTool) -> None:
        """Keep a decision for as long as it was meant. StoreError."""
        wanted = (server, tool.name, seal_of(tool))
        if decision == "chat":
            with self._lock:
                self._chats.setdefault(chat_id, set()).add(wanted)
        elif decision == "always":
            self._store.change(lambda saved: replace(saved, allowed=(*_without(saved, server, tool.name), wanted)))

    def always(self, server: str) -> tuple[str, ...]:
        """Tools of a server that are always allowed."""
        return tuple(tool for owner, tool, _ in self._store.read().allowed if owner == server)

    def ask_again(self, server: str, tool: str = "") -> None:
        """Ask for this tool again, or for all of a server. StoreError."""
        with self._lock:
            for allowed in self._chats.values():
                allowed -= {one for one in allowed if one[0] == server and tool in ("", one[1])}
        self._store.change(lambda saved: replace(saved, allowed=_without(saved, server, tool)))


def _without(saved: SavedTools, server: str, tool: str) -> tuple[tuple[str, str, str], ...]:
    return tuple(one for one in saved.allowed if not (one[0] == server and tool in ("", one[1])))
