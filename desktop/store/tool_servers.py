"""Servers of tools that were added, in the form of other programs' ``mcp.json``, and which tools need no asking.

The file may be written by hand. Heft adds to an entry ``on``, and ``kept``: names of the variables and headers whose
values are kept elsewhere.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop.core.errors import HeftError, StoreError
from desktop.core.mcp_config import ToolServer, entry_of, server_of
from desktop.core.words import tr
from desktop.system.atomic import write_atomically

_KNOWN = (
    "command", "args", "env", "cwd", "url", "serverUrl", "headers", "type", "transport", "on", "kept",
)  # fmt: skip


@dataclass(frozen=True)
class KeptNames:
    """Of which variables and headers the values are kept elsewhere."""

    env: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.env or self.headers)


@dataclass(frozen=True)
class SavedServer:
    """A server as the file has it. ``problem`` is what is wrong with an entry that somebody wrote by hand; ``others``
    is what Heft does not know of it, or all of one that is wrong: that stays in the file.
    """

    server: ToolServer
    on: bool = False
    kept: KeptNames = KeptNames()
    problem: str = ""
    others: Any = None


@dataclass(frozen=True)
class SavedTools:
    """The file. ``allowed`` are (server, tool, seal): tools that are called without asking, as long as the server
    describes them as it did then.
    """

    servers: tuple[SavedServer, ...] = ()
    allowed: tuple[tuple[str, str, str], ...] = ()
    problem: str = ""
    others: dict[str, Any] = field(default_factory=dict)  # what Heft does not know stays in the file


class ToolServerStore:
    """Thread-safe. People and commands write the same file, so it is read each time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def read(self) -> SavedTools:
        """As it is now; ``problem`` says of a file that cannot be read why."""
        with self._lock:
            return self._read()

    def change(self, change: Callable[[SavedTools], SavedTools]) -> None:
        """Write what ``change`` makes of it. StoreError where it cannot be written, or what is there cannot be read."""
        with self._lock:
            before = self._read()
            if before.problem:
                raise StoreError(
                    before.problem, tr("Correct {path}, or remove it.", path=self.path), settings_page="tools"
                )
            after = change(before)
            if after == before:
                return
            try:
                write_atomically(
                    self.path, (json.dumps(_document(after), ensure_ascii=False, indent=2) + "\n").encode()
                )
            except OSError as error:
                raise StoreError(
                    tr("Heft could not remember this server: {strerror}", strerror=error.strerror or error),
                    tr("Check the free space and the permissions of {parent}.", parent=self.path.parent),
                    detail=f"{self.path}: {error}",
                ) from error

    def _read(self) -> SavedTools:
        try:
            document = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return SavedTools()
        except (OSError, ValueError, RecursionError) as error:
            return SavedTools(problem=f"{self.path.name} cannot be read: {error}")
        entries = document.get("mcpServers", {}) if isinstance(document, dict) else None
        if not isinstance(entries, dict):
            return SavedTools(problem=f'{self.path.name} has no "mcpServers".')
        allowed = tuple(
            (str(one[0]), str(one[1]), str(one[2]))
            for one in document.get("allowed", ())
            if isinstance(one, list) and len(one) == 3
        )
        others = {key: value for key, value in document.items() if key not in ("mcpServers", "allowed")}
        return SavedTools(tuple(_saved(name, entry) for name, entry in entries.items()), allowed, others=others)


def _saved(name: str, entry: object) -> SavedServer:
    try:
        server = server_of(name, entry)
    except HeftError as error:
        return SavedServer(ToolServer(name), problem=error.message, others=entry)
    assert isinstance(entry, dict)
    others = {key: value for key, value in entry.items() if key not in _KNOWN}
    kept = entry.get("kept")
    names = KeptNames(_names(kept, "env"), _names(kept, "headers"))
    return SavedServer(server, entry.get("on") is True, names, others=others)


def _names(kept: object, key: str) -> tuple[str, ...]:
    found = kept.get(key) if isinstance(kept, dict) else None
    return tuple(str(one) for one in found) if isinstance(found, list) else ()


def _document(saved: SavedTools) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for one in saved.servers:
        if one.problem:
            entries[one.server.name] = one.others
            continue
        entry = (one.others or {}) | entry_of(one.server)
        if one.kept:
            names = {"env": list(one.kept.env), "headers": list(one.kept.headers)}
            entry["kept"] = {key: value for key, value in names.items() if value}
        entries[one.server.name] = entry | {"on": one.on}
    document: dict[str, Any] = {**saved.others, "mcpServers": entries}
    return document | ({"allowed": [list(one) for one in saved.allowed]} if saved.allowed else {})
