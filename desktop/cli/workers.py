"""``heft workers``: other computers that lend their devices to this one; adding, measuring, removing, weighing."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import msgspec

from desktop.cli.output import print_json, print_note, print_text, table
from desktop.cli.ways import ways_document
from desktop.core.errors import UsageError
from desktop.services.container import Container
from desktop.services.endpoints.words import kept_words
from desktop.services.worker.questions import LINK_SECONDS
from desktop.services.worker.ssh import START_SECONDS
from desktop.services.worker.ways import best
from desktop.services.worker.words import ABOUT, address_words, advice, link_words, reached_words, way_title, way_words
from desktop.services.worker.workers import Reached, WorkerService
from desktop.store.paths import default_paths

_ACTIONS = {
    "add": "", "test": "NAME", "measure": "NAME", "rename": "NAME NEW-NAME", "remove": "NAME", "weigh": "MODEL",
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and with which computer or model."""
    parser.add_argument("action", nargs="?", choices=tuple(_ACTIONS), help="what to do; without it, list and ask them")
    parser.add_argument("what", nargs="?", metavar="NAME|MODEL", help="a computer, or with weigh a model")
    parser.add_argument("new_name", nargs="?", metavar="NEW-NAME", help="with rename: what it is called from now on")
    parser.add_argument("--name", default="", help="with add: what to call it; else after its host")
    parser.add_argument("--ssh", default="", metavar="USER@HOST", help="with add: start its worker by ssh when needed")
    parser.add_argument("--ssh-heft", default="", metavar="PATH", help="with --ssh: the program heft there")


def run(args: argparse.Namespace) -> int:
    """Do what was asked for, then say what is there. Raises HeftError."""
    wants = _ACTIONS.get(args.action or "", "")
    given = [word for word in (args.what, args.new_name) if word]
    if len(given) < len(wants.split()):
        raise UsageError(f"Say which: heft workers {args.action} {wants}", "See which there are: heft workers")
    if len(given) > len(wants.split()):
        raise UsageError(f"'{given[-1]}' is one word too many.", "See: heft workers --help")
    if (args.ssh or args.ssh_heft) and args.action != "add":
        raise UsageError("--ssh is for add.", "For example: heft workers add --ssh user@studio.local")
    if args.ssh_heft and not args.ssh:
        raise UsageError("--ssh-heft goes with --ssh.", "For example: heft workers add --ssh user@studio.local")
    with Container(default_paths()) as container:
        if args.action == "weigh":
            return _weigh(container, args.what, as_json=args.json)
        service = container.workers
        if args.action in ("add", "test", "measure"):
            return _told(_one(service, args), args)
        said = _changed(service, args) if args.action else ""
        found = service.look()
    if args.json:
        print_json({"workers": [document(reached) for reached in found]})
        return 0
    if said:
        print_note(f"heft: {said}")
    print_text("\n\n".join(_lines(reached) for reached in found) or f"No other computers. {ABOUT}")
    if not found:
        print_text(
            "Add one: heft workers add --name studio, and paste the line that 'heft worker' printed there;\n"
            "or: heft workers add --ssh user@studio.local"
        )
    return 0


def _one(service: WorkerService, args: argparse.Namespace) -> Reached:
    """The computer that was added, tested or measured."""
    if args.action == "add" and args.ssh:
        if not args.json:
            print_note(f"heft: Starting its worker by ssh, which takes up to {START_SECONDS:.0f} seconds")
        return service.add_by_ssh(args.ssh, args.name, args.ssh_heft)
    if args.action == "add":
        return service.add(_pairing(), args.name)
    if args.action == "measure":
        if not args.json:
            print_note(f"heft: Measuring the way to {args.what}, which takes up to {LINK_SECONDS:.0f} seconds")
        service.measure(args.what)
    return service.test(args.what)


def _told(reached: Reached, args: argparse.Namespace) -> int:
    added = args.action == "add"
    if args.json:
        print_json({"workers": [document(reached)]})
    else:
        if added:
            print_note(f"heft: {reached.worker.name} was added. {kept_words(reached.kept)}".rstrip())
        print_text(_lines(reached))
    return 0 if reached.reachable or added else 1


def _changed(service: WorkerService, args: argparse.Namespace) -> str:
    if args.action == "rename":
        return f"It is called {service.rename(args.what, args.new_name).name} now."
    return f"{service.remove(args.what).name} and its key are forgotten."


def _weigh(container: Container, name: str, *, as_json: bool) -> int:
    ways = container.ways.of(container.library.resolve(name).ref)
    chosen = best(ways)
    if as_json:
        print_json({"ways": ways_document(ways)})
        return 0
    if not ways:
        print_text("No other computer lends its devices now. See why: heft workers")
        return 0
    print_text(
        table(["WAY", "TOK/S", ""], [[way_title(way), way_words(way), "←" if way is chosen else ""] for way in ways])
    )
    print_text(advice(ways))
    return 0


def _pairing() -> str:
    line = sys.stdin.readline().strip()
    if not line:
        raise UsageError(
            "There is no pairing on standard input.", "Paste the line that 'heft worker' printed on the other computer."
        )
    return line


def _lines(reached: Reached) -> str:
    worker = reached.worker
    lines = [f"{worker.name}  {address_words(worker)}", f"    {reached_words(reached)}"]
    return "\n".join([*lines, f"    {link_words(worker.link)}"])


def document(reached: Reached) -> dict[str, Any]:
    """A worker as ``--json`` has it."""
    worker, error = reached.worker, reached.error
    return {
        "name": worker.name,
        "address": worker.where,
        "ssh": worker.ssh or None,
        "reachable": reached.reachable,
        "devices": [
            {"name": one.name, "total_bytes": one.total_bytes, "free_bytes": one.free_bytes} for one in reached.devices
        ],
        "serves": (reached.about.serves or None) if reached.about is not None else None,
        "link": msgspec.to_builtins(worker.link),
        "key_kept": reached.kept,
        "error": msgspec.to_builtins(error.as_dict()) if error is not None else None,
    }
