"""``heft tools``: servers of tools for the chat; adding, importing, switching, trying and removing them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import msgspec

from desktop.cli.output import print_json, print_note, print_text, table
from desktop.core.errors import HeftError, UsageError
from desktop.core.mcp_config import Transport, server_of
from desktop.mcp.records import Returned
from desktop.services.container import Container
from desktop.services.tools.results import given
from desktop.services.tools.server_view import ServerView
from desktop.services.tools.service import ToolService
from desktop.services.tools.words import ABOUT, count_words, how_words, kept_words, server_words
from desktop.store.paths import default_paths

_ACTIONS = {
    "add": (1, "NAME"),
    "import": (1, "FILE"),
    "on": (1, "NAME"),
    "off": (1, "NAME"),
    "try": (1, "NAME [TOOL]"),
    "ask": (1, "NAME [TOOL]"),
    "remove": (1, "NAME"),
}
_MOST_WORDS = {"try": 2, "ask": 2}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and with which server."""
    parser.add_argument("action", nargs="?", choices=tuple(_ACTIONS), help="what to do; without it, list them")
    parser.add_argument("words", nargs="*", metavar="NAME|FILE", help="a server; with try and ask a tool of it, too")
    parser.add_argument(
        "--run", nargs=argparse.REMAINDER, default=[], metavar="COMMAND",
        help="with add: the program and its arguments, up to the end of the line",
    )  # fmt: skip
    parser.add_argument("--url", default="", help="with add: the address of a server that runs already")
    parser.add_argument("--sse", action="store_true", help="with add: that address speaks the older SSE")
    parser.add_argument(
        "--env", action="append", default=[], metavar="NAME[=VALUE]",
        help="with add: a variable for it; without a value, that is a line of standard input",
    )  # fmt: skip
    parser.add_argument(
        "--header", action="append", default=[], metavar="NAME[=VALUE]",
        help="with add: a header for its address; without a value, that is a line of standard input",
    )  # fmt: skip
    parser.add_argument("--folder", default="", help="with add: where its command works")
    parser.add_argument("--arguments", default="{}", metavar="JSON", help="with try: what the tool is given")


def run(args: argparse.Namespace) -> int:
    """Do what was asked for, then say what is there. Raises HeftError."""
    words: list[str] = args.words
    if args.action:
        least, wanted = _ACTIONS[args.action]
        if len(words) < least:
            raise UsageError(f"Say which: heft tools {args.action} {wanted}", "See which there are: heft tools")
        if len(words) > _MOST_WORDS.get(args.action, 1):
            raise UsageError(f"'{words[-1]}' is one word too many.", "See: heft tools --help")
        if args.action == "add" and bool(args.url) == bool(args.run):
            raise UsageError(
                "Say how it is reached.", f"Write: heft tools add '{words[0]}' --run COMMAND, or --url URL"
            )
    with Container(default_paths()) as container:
        service = container.tools
        if args.action == "try":
            return _try(service, args)
        said = _change(service, args) if args.action else ""
        views = service.servers()
        if service.problem:
            raise HeftError(service.problem, f"Correct {service.path}, or remove it.", settings_page="tools")
    if args.json:
        print_json({"servers": [document(view) for view in views]})
        return 0
    if said:
        print_note(f"heft: {said}")
    print_text("\n\n".join(_lines(view) for view in views) or f"No servers of tools. {ABOUT}")
    if not views:
        print_text("Add one: heft tools add files --run npx -y @modelcontextprotocol/server-filesystem ~/Documents")
    return 0


def _change(service: ToolService, args: argparse.Namespace) -> str:
    name = args.words[0]
    match args.action:
        case "add":
            env, headers = _pairs(args.env), _pairs(args.header)
            kind: Transport = "sse" if args.sse else "http" if args.url else "stdio"
            entry: dict[str, Any] = {"type": kind, "url": args.url, "headers": headers}
            if not args.url:
                entry = {"command": args.run[0], "args": args.run[1:], "env": env, "cwd": args.folder}
            place = service.add(server_of(name, entry))
            told = f"{name} was added, switched off. {kept_words(place, len(env) + len(headers))}".strip()
            return f"{told} Switch it on: heft tools on '{name}'"
        case "import":
            return f"{', '.join(service.import_file(Path(name).expanduser()))}: added, switched off."
        case "remove":
            service.remove(name)
            return f"{name} and what it was given are forgotten."
        case "ask":
            found = service.find(name).name
            service.permissions.ask_again(found, args.words[1] if len(args.words) > 1 else "")
            return f"Tools of {found} are asked for again."
    service.switch(name, on=args.action == "on")
    return f"{service.find(name).name} is {args.action}."


def _try(service: ToolService, args: argparse.Namespace) -> int:
    """Start a server and say what it offers, or call one of its tools."""
    view = service.try_now(args.words[0])
    if len(args.words) == 1:
        if args.json:
            print_json({"servers": [document(view)]})
        else:
            print_text(_lines(view))
        return 0
    try:
        arguments = msgspec.json.decode(args.arguments, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise UsageError(f"--arguments is no JSON object: {error}", 'Write it like \'{"path": "a.txt"}\'.') from error
    result = service.call(view.name, args.words[1], arguments)
    if args.json:
        print_json({"result": _result(result)})
    else:
        told = given(result.parts, result.size, 0)
        for note in told.notes:
            print_note(f"heft: {note}")
        print_text(told.text)
    return 1 if result.is_error else 0


def _pairs(given_pairs: list[str]) -> dict[str, str]:
    """NAME=VALUE, or NAME with its value in a line of standard input: no other program sees that."""
    found: dict[str, str] = {}
    for pair in given_pairs:
        name, sign, value = pair.partition("=")
        found[name.strip()] = value if sign else sys.stdin.readline().strip()
    return found


def _lines(view: ServerView) -> str:
    server = view.saved.server
    lines = [f"{view.name}  {how_words(server)}", f"    {server_words(view)}"]
    given_names = (*view.saved.kept.env, *view.saved.kept.headers)
    if given_names:
        lines.append(f"    Given: {', '.join(given_names)} (kept apart)")
    if view.always:
        lines.append(f"    Called without asking: {', '.join(view.always)}")
    rows = [[tool.name, tool.refused or tool.description.partition("\n")[0][:90]] for tool in view.tools]
    if rows:
        lines += [f"    {line}" for line in table([count_words(len(rows)).upper(), ""], rows).splitlines()]
    return "\n".join(lines)


def document(view: ServerView) -> dict[str, Any]:
    """A server as ``--json`` has it; values that it is given are not told."""
    server, opened = view.saved.server, view.opened
    return {
        "name": view.name,
        "transport": server.transport,
        "command": server.command or None,
        "args": list(server.args),
        "url": server.url or None,
        "given": [*server.env, *server.headers, *view.saved.kept.env, *view.saved.kept.headers],
        "on": view.saved.on,
        "state": view.phase,
        "protocol": opened.protocol if opened is not None else None,
        "tools": [
            {
                "name": tool.name,
                "description": tool.description,
                "schema": tool.schema,
                "refused": tool.refused or None,
                "always": tool.name in view.always,
            }
            for tool in view.tools
        ],
        "error": msgspec.to_builtins(view.error.as_dict()) if view.error is not None else None,
    }


def _result(result: Returned) -> dict[str, Any]:
    return {
        "is_error": result.is_error,
        "size_bytes": result.size,
        "parts": [
            {"kind": part.kind, "text": part.text, "mime": part.mime, "address": part.name, "size_bytes": part.size}
            for part in result.parts
        ],
    }
