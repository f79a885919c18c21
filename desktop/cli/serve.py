"""``heft serve``: the models of this computer for other programs, without a window; and asking the one that serves."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from desktop.cli.output import human_bytes, print_json, print_note, print_text, table
from desktop.core.errors import HeftError, UsageError
from desktop.core.failures import FailureKind
from desktop.services.container import Container
from desktop.services.serve import owner, unit
from desktop.services.serve.key import ServeKey
from desktop.services.serve.state_words import context_words, reach_words
from desktop.services.serve.status import off_document
from desktop.store.paths import Paths, default_paths
from desktop.system.own_program import heft_command

_ACTIONS = ("status", "stop", "key")
_LOGIN = "It starts when you log in. To have it without a login: loginctl enable-linger"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to ask the one that serves; without it, serve."""
    parser.add_argument("action", nargs="?", choices=_ACTIONS, help="ask the one that serves; without it, serve")
    parser.add_argument("--port", type=_port, default=0, metavar="N", help="listen there, not where the settings say")
    parser.add_argument("--network", action="store_true", help="let other computers reach it, with the key")
    parser.add_argument("--new", action="store_true", help="with key: make another one")
    unit_action = parser.add_mutually_exclusive_group()
    unit_action.add_argument("--install", action="store_true", help="let systemd start it at each login, and now")
    unit_action.add_argument("--uninstall", action="store_true", help="stop that, and remove it")


def run(args: argparse.Namespace) -> int:
    """Serve until a signal, or do what was asked for. Raises HeftError."""
    if args.action and (args.port or args.network or args.install or args.uninstall):
        raise UsageError(f"heft serve {args.action} takes no more than --json.", "See: heft serve --help")
    if args.new and args.action != "key":
        raise UsageError("--new belongs to the key.", "Make another key: heft serve key --new")
    paths = default_paths()
    if args.action:
        actions: dict[str, Callable[[Paths, argparse.Namespace], int]] = {
            "status": _status,
            "stop": _stop,
            "key": _key,
        }
        return actions[args.action](paths, args)
    if args.install or args.uninstall:
        return _unit(paths, args)
    return _serve(paths, args)


def _port(text: str) -> int:
    number = int(text) if text.isdigit() else 0
    if not 1024 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"'{text}' is no port: it takes a number from 1024 to 65535")
    return number


# -- serving -------------------------------------------------------------------------------------


def _serve(paths: Paths, args: argparse.Namespace) -> int:
    if (told := owner.ask_owner(paths.data, owner.STATUS)) is not None:
        raise owner.busy(told)
    with _signals() as let_it_end, Container(paths, _say) as container:
        service = container.serve
        service.by = "command"
        try:
            state = service.switch_on(args.port, True if args.network else None)
            if state.error is not None:
                raise state.error
            if args.json:
                print_json(service.status())
            else:
                print_text(f"Serving on {state.address} ({reach_words(state.network)}). Ctrl+C ends it.")
                sys.stdout.flush()  # a journal or a pipe has it now, not at the end
                print_note(f"heft: The key: {heft_command()} serve key")
            service.wait_until_off()
        except _EndedError:
            if not args.json:
                print_note("heft: Ending; running answers get a moment.")
        finally:
            let_it_end()
    return 0


class _EndedError(Exception):
    """A signal asked to end."""


@contextmanager
def _signals() -> Iterator[Callable[[], None]]:
    """SIGINT and SIGTERM end the serving; what is yielded lets it end without being disturbed by another one."""

    def ignore() -> None:
        for name in before:
            signal.signal(name, signal.SIG_IGN)

    def end(number: int, frame: FrameType | None) -> None:
        ignore()
        raise _EndedError

    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    for name in before:
        signal.signal(name, end)
    try:
        yield ignore
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def _say(error: HeftError) -> None:
    print_note(f"heft: {error.message}")


# -- asking the one that serves ------------------------------------------------------------------


def _status(paths: Paths, args: argparse.Namespace) -> int:
    told = _told(paths, owner.STATUS) or off_document()
    if args.json:
        print_json(told)
    else:
        print_text(_in_words(told))
    return 0


def _stop(paths: Paths, args: argparse.Namespace) -> int:
    stopped = owner.stop_owner(paths.data)
    if args.json:
        print_json(off_document())
    else:
        print_text("Stopped." if stopped else "Nothing was served.")
    return 0


def _key(paths: Paths, args: argparse.Namespace) -> int:
    kept = ServeKey(paths.data)
    if args.new and _told(paths, owner.NEW_KEY) is None:
        kept.new()
    key, place = kept.get(), kept.place
    if args.json:
        print_json({"key": key, "kept_in": place})
    else:
        print_text(key)
        if place == "file":
            print_note(f"heft: This computer has no keyring: the key lies in {kept.file}, which only you can read.")
    return 0


def _told(paths: Paths, action: str) -> dict[str, Any] | None:
    """The answer of the one that serves; None where nobody does. HeftError where it refuses."""
    told = owner.ask_owner(paths.data, action)
    if told is not None and isinstance(error := told.get("error"), dict):
        raise HeftError(error["message"], error["hint"], kind=FailureKind.of(error["kind"]))
    return told


def _in_words(told: dict[str, Any]) -> str:
    if told["state"] != "on":
        return "Nothing is served. Serve: heft serve, or the page Serve of the window."
    who = "the window" if told["served_by"] == "window" else f"heft serve, process {told['pid']}"
    asked = told["requests"]
    lines = [
        f"Serving on {told['address']} ({reach_words(told['network'])}), by {who}.",
        f"Requests: {asked['running']} running, {asked['done']} done, {asked['stopped']} stopped by their clients, "
        f"{asked['refused']} refused.",
    ]
    if told["models"]:
        rows = [_row(model) for model in told["models"]]
        lines += ["", table(["MODEL", "STATE", "MEMORY", "CONTEXT", "TOK/S"], rows, right=(2, 3, 4))]
    return "\n".join(lines)


def _row(model: dict[str, Any]) -> list[str]:
    rate = model["tokens_per_second"]
    return [
        model["name"],
        "too large" if model["too_large"] else model["state"],
        human_bytes(model["memory_bytes"]) if model["memory_bytes"] else "–",
        context_words(model["context"] or 0),
        f"{rate:.1f}" if rate else "–",
    ]


# -- as a service of systemd's -------------------------------------------------------------------


def _unit(paths: Paths, args: argparse.Namespace) -> int:
    if args.uninstall:
        found = unit.uninstall()
    else:
        taken = owner.ask_owner(paths.data, owner.STATUS) is not None
        arguments = [*(["--port", str(args.port)] if args.port else []), *(["--network"] if args.network else [])]
        found = unit.install(arguments, start=not taken)
    if args.json:
        print_json({"unit": str(found.path), "enabled": found.enabled, "started": found.started})
    elif args.uninstall:
        print_text("heft serve is not started by systemd any more.")
    else:
        now = "and runs now" if found.started else "from the next login on: what serves now goes on until you stop it"
        print_text(f"systemd starts heft serve at each login, {now}.")
        print_note(f"heft: {_LOGIN}")
    return 0
