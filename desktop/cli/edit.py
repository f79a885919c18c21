"""``heft edit``: a copy of a model file with other metadata, the tensors as they are."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path

from desktop.cli.merge import tell
from desktop.cli.model import template_file
from desktop.cli.output import ProgressLine
from desktop.core.errors import UsageError
from desktop.services.container import Container
from desktop.store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FILE, what changes, and the file to make."""
    parser.add_argument("model", metavar="FILE", help="a file, or a name from 'heft library'")
    parser.add_argument(
        "changes",
        nargs="*",
        metavar="KEY=VALUE",
        help="KEY:TYPE=VALUE for a new key of a type; VALUE @FILE is its text",
    )
    parser.add_argument("--remove", metavar="KEY", action="append", default=[], help="a key to leave out")
    parser.add_argument("--to", metavar="FILE", required=True, help="the file to make")


def run(args: argparse.Namespace) -> int:
    """Write the copy; UsageError where nothing is to change."""
    changes = [_change(text) for text in args.changes]
    if not changes and not args.remove:
        raise UsageError("Name what is to change.", "For example: heft edit FILE general.name='My model' --to COPY")
    with Container(default_paths()) as container, closing(ProgressLine("Writing")) as line:
        made = container.rewriting.edit(args.model, changes, args.remove, Path(args.to), progress=line.show)
    tell(made, as_json=args.json)
    return 0


def _change(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"{text[:80]} is no KEY=VALUE.", "For example: general.name='My model'")
    return key, template_file(value[1:]) if value.startswith("@") else value
