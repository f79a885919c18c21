"""Servers of tools as programs that speak the Model Context Protocol list them: ``mcp.json``.

The form is the one that Claude Desktop began: ``mcpServers``, by name, with ``command``, ``args``, ``env`` and ``cwd``
of a program, or ``url`` and ``headers`` of an address. VS Code's ``servers`` and its ``type`` are read, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from desktop.core.errors import HeftError, NotFoundError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.text import one_line
from desktop.core.words import tr

Transport = Literal["stdio", "http", "sse"]
LONGEST_NAME = 40
MOST_SERVERS = 200
_TYPES: Mapping[str, Transport] = {
    "stdio": "stdio",
    "http": "http",
    "streamable-http": "http",
    "streamableHttp": "http",
    "streamable_http": "http",
    "sse": "sse",
}
_VARIABLE = re.compile(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


class ToolServer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A server: a program that is started, or an address. ``env`` and ``headers`` may hold secrets."""

    name: str
    transport: Transport = "stdio"
    command: str = ""
    args: tuple[str, ...] = ()
    env: dict[str, str] = {}
    cwd: str = ""
    url: str = ""
    headers: dict[str, str] = {}


def servers_of(document: str) -> tuple[ToolServer, ...]:
    """The servers of a file. Raises HeftError (bad-file) that says which entry is wrong, and how."""
    try:
        found = msgspec.json.decode(document)
    except msgspec.DecodeError as error:
        raise _bad(f"This file is no JSON: {error}") from error
    listed = found.get("mcpServers", found.get("servers")) if isinstance(found, dict) else None
    if not isinstance(listed, dict):
        raise _bad('This file has no "mcpServers".')
    if len(listed) > MOST_SERVERS:
        raise _bad(f"This file lists {len(listed):,} servers; Heft takes up to {MOST_SERVERS}.")
    return tuple(server_of(name, entry) for name, entry in listed.items())


def server_of(name: str, entry: object) -> ToolServer:
    """One entry. Raises HeftError (bad-file)."""
    name = checked_name(name)
    if not isinstance(entry, dict):
        raise _bad(f"The server {name} is described by no object.")
    url, command = _text(name, entry, "url") or _text(name, entry, "serverUrl"), _text(name, entry, "command")
    if bool(url) == bool(command):
        raise _bad(f'The server {name} needs a "command" or a "url", and not both.')
    told = _text(name, entry, "type") or _text(name, entry, "transport")
    if told and told not in _TYPES:
        raise _bad(f"The server {name} is reached by {one_line(told, 40)}, which Heft does not know.")
    transport: Transport = _TYPES[told] if told else "http" if url else "stdio"
    if (transport == "stdio") == bool(url):
        raise _bad(f'The server {name} has a "{"url" if url else "command"}" and says that it is reached by {told}.')
    if url and not url.startswith(("http://", "https://")):
        raise _bad(f"The address of the server {name} begins with neither http:// nor https://.")
    args = entry.get("args") or []
    if not isinstance(args, list) or not all(isinstance(one, str | int | float) for one in args):
        raise _bad(f'"args" of the server {name} is no list of texts.')
    return ToolServer(
        name,
        transport,
        command,
        tuple(str(one) for one in args),
        _texts(name, entry, "env"),
        _text(name, entry, "cwd"),
        url,
        _texts(name, entry, "headers"),
    )


def checked_name(name: str) -> str:
    """A server's name. Raises UsageError for a text that can be none."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or one_line(name) != name:
        raise UsageError(
            tr("A server's name has 1 to {longest_name} signs.", longest_name=LONGEST_NAME), tr("Give it another name.")
        )
    return name


def entry_of(server: ToolServer) -> dict[str, Any]:
    """The entry of a server, as other programs read it."""
    entry: dict[str, Any] = {}
    if server.url:
        entry = {"type": server.transport, "url": server.url, "headers": dict(server.headers)}
    else:
        entry = {"command": server.command, "args": list(server.args), "env": dict(server.env), "cwd": server.cwd}
    return {key: value for key, value in entry.items() if value}


def expanded(server: ToolServer, environ: Mapping[str, str]) -> ToolServer:
    """With ``${NAME}`` and ``${NAME:-else}`` replaced by what the environment has. Raises NotFoundError."""

    def put(text: str) -> str:
        def value(found: re.Match[str]) -> str:
            known = environ.get(found[1], found[2])
            if known is None:
                raise NotFoundError(
                    tr(
                        "The server {name} wants the environment variable {found}, which is not set.",
                        name=server.name,
                        found=found[1],
                    ),
                    tr("Set it and start Heft again, or write the value in its place."),
                )
            return known

        return _VARIABLE.sub(value, text)

    return msgspec.structs.replace(
        server,
        command=put(server.command),
        args=tuple(put(one) for one in server.args),
        env={key: put(value) for key, value in server.env.items()},
        cwd=put(server.cwd),
        url=put(server.url),
        headers={key: put(value) for key, value in server.headers.items()},
    )


def _text(name: str, entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or "\0" in value:
        raise _bad(f'"{key}" of the server {name} is no text.')
    return value.strip()


def _texts(name: str, entry: Mapping[str, Any], key: str) -> dict[str, str]:
    value = entry.get(key) or {}
    if not isinstance(value, dict):
        raise _bad(f'"{key}" of the server {name} is no object.')
    found: dict[str, str] = {}
    for one, text in value.items():
        if isinstance(text, bool) or not isinstance(text, str | int | float):
            raise _bad(f'"{one}" in "{key}" of the server {name} is no text.')
        found[one] = str(text)
    return found


def _bad(words: str) -> HeftError:
    return HeftError(words, tr("Correct it, or choose another file."), kind=FailureKind.BAD_FILE)
