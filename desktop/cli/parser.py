"""The words of the command line: one parser, and the arguments of the one command that is asked for."""

from __future__ import annotations

import argparse
import importlib
from typing import NoReturn

from desktop import __version__
from desktop.cli.commands import COMMANDS, LOG_LEVEL
from desktop.core.errors import UsageError
from desktop.system.logs import ACCEPTED

_MISSING = "the following arguments are required: "  # as argparse says it, in every version so far


class _Parser(argparse.ArgumentParser):
    """Raises instead of exiting, so that ``--json`` also holds for bad usage."""

    def error(self, message: str) -> NoReturn:
        command = COMMANDS.get(self.prog.rpartition(" ")[2])
        hint = f"See: {self.prog} --help" + (f" · For example: {command.example}" if command else "")
        raise UsageError(f"Missing: {message.removeprefix(_MISSING)}." if _MISSING in message else message, hint)


def parser_of(command: str | None) -> argparse.ArgumentParser:
    """A parser that knows the arguments of ``command``, and the others by name only."""
    parser = _Parser(prog="heft", description="Weigh a language model before you carry it home.")
    parser.add_argument("--version", action="version", version=f"heft {__version__}")
    parser.add_argument(LOG_LEVEL, metavar="LEVEL", help=f"log on standard error too: {ACCEPTED}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name, (summary, example) in COMMANDS.items():
        sub = commands.add_parser(name, help=summary, description=summary, epilog=f"For example: {example}")
        if name == command:
            importlib.import_module(f"desktop.cli.{name}").add_arguments(sub)
            sub.add_argument("--json", action="store_true", help="one JSON document on stdout")
            sub.add_argument(LOG_LEVEL, metavar="LEVEL", help="log on standard error too, as debug or hub=debug")
    return parser
