"""``heft endpoints``: other servers whose models answer here; adding, testing, renaming and removing them."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import msgspec

from desktop.cli.output import print_json, print_note, print_text, table
from desktop.core.endpoint_model import EndpointModel
from desktop.core.errors import UsageError
from desktop.services.container import Container
from desktop.services.endpoints.service import EndpointService, Tested
from desktop.services.endpoints.words import ABOUT, kept_words, server_words
from desktop.store.paths import default_paths

_ACTIONS = {"add": "URL", "test": "NAME", "rename": "NAME NEW-NAME", "key": "NAME", "remove": "NAME"}
_MOST_SHOWN = 20  # models of one server in the list for people


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and with which server."""
    parser.add_argument("action", nargs="?", choices=tuple(_ACTIONS), help="what to do; without it, list and ask them")
    parser.add_argument("what", nargs="?", metavar="URL|NAME", help="an address, or the name of a server")
    parser.add_argument("new_name", nargs="?", metavar="NEW-NAME", help="with rename: what it is called from now on")
    parser.add_argument("--name", default="", help="with add: what to call it; else after its host")
    parser.add_argument(
        "--key-stdin", action="store_true", help="with add and key: read its key from standard input, one line"
    )
    parser.add_argument(
        "--in-clear", action="store_true", help="with add: also over http beyond your own network, for all to read"
    )


def run(args: argparse.Namespace) -> int:
    """Do what was asked for, then say what is there. Raises HeftError."""
    wants = _ACTIONS.get(args.action or "", "")
    given = [word for word in (args.what, args.new_name) if word]
    if len(given) < len(wants.split()):
        raise UsageError(f"Say which: heft endpoints {args.action} {wants}", "See which there are: heft endpoints")
    if len(given) > len(wants.split()):
        raise UsageError(f"'{given[-1]}' is one word too many.", "See: heft endpoints --help")
    with Container(default_paths()) as container:
        service = container.endpoints
        if args.action in ("add", "test"):
            key = _key() if args.key_stdin else ""
            tested = (
                service.add(args.what, args.name, key, in_clear=args.in_clear)
                if args.action == "add"
                else service.test(args.what)
            )
            _tell(tested, args)
            return 0 if tested.reachable or args.action == "add" else 1
        said = _changed(service, args) if args.action else ""
        found = service.look()
    if args.json:
        print_json({"endpoints": [document(tested) for tested in found]})
        return 0
    if said:
        print_note(f"heft: {said}")
    print_text("\n\n".join(_lines(tested) for tested in found) or f"No other servers. {ABOUT}")
    if not found:
        print_text("Add one: heft endpoints add http://studio.local:8080")
    return 0


def _changed(service: EndpointService, args: argparse.Namespace) -> str:
    if args.action == "rename":
        return f"It is called {service.rename(args.what, args.new_name).name} now."
    if args.action == "remove":
        return f"{service.remove(args.what).name} and its key are forgotten."
    key = _key() if args.key_stdin else ""
    kept = service.set_key(args.what, key)
    return kept_words(kept) or f"{service.find(args.what).name} gets no key any more."


def _tell(tested: Tested, args: argparse.Namespace) -> None:
    """What came of adding or testing one."""
    if args.json:
        print_json({"endpoints": [document(tested)]})
        return
    if args.action == "add":
        print_note(f"heft: {tested.endpoint.name} was added. {kept_words(tested.kept)}".rstrip())
    print_text(_lines(tested))


def _key() -> str:
    key = sys.stdin.readline().strip()
    if not key:
        raise UsageError("There is no key on standard input.", "For example: heft endpoints add URL --key-stdin < FILE")
    return key


def _lines(tested: Tested) -> str:
    lines = [f"{tested.endpoint.name}  {tested.endpoint.url}", f"    {server_words(tested)}"]
    models = tested.models
    rows = [
        [
            EndpointModel(tested.endpoint.name, model.id).identity,
            f"{length:,} tokens" if (length := model.context_length or model.trained_context) else "",
            "" if model.loaded is None else "loaded" if model.loaded else "not loaded",
        ]
        for model in models[:_MOST_SHOWN]
    ]
    if rows:
        lines += [f"    {line}" for line in table(["MODEL", "CONTEXT", ""], rows).splitlines()]
    if len(models) > _MOST_SHOWN:
        lines.append(f"    and {len(models) - _MOST_SHOWN} more: heft endpoints test {tested.endpoint.name} --json")
    return "\n".join(lines)


def document(tested: Tested) -> dict[str, Any]:
    """A server as ``--json`` has it."""
    return {
        "name": tested.endpoint.name,
        "url": tested.endpoint.url,
        "models": [model.id for model in tested.models],
        "reachable": tested.reachable,
        "kind": tested.offer.kind if tested.offer is not None else None,
        "latency_seconds": tested.latency_seconds if tested.reachable else None,
        "offered": [
            {
                "identity": EndpointModel(tested.endpoint.name, model.id).identity,
                "context_length": model.context_length or None,
                "trained_context": model.trained_context or None,
                "loaded": model.loaded,
                "about": model.about,
            }
            for model in tested.models
        ],
        "key_kept": tested.kept,
        "error": msgspec.to_builtins(tested.error.as_dict()) if tested.error is not None else None,
    }
