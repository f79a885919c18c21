"""``heft report``: one zip file for an issue, without names and chats."""

from __future__ import annotations

import argparse
from pathlib import Path

from desktop.cli.output import print_json, print_text
from desktop.services.container import Container
from desktop.store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--to", type=Path, default=Path(), metavar="DIR", help="where to (default: this folder)")


def run(args: argparse.Namespace) -> int:
    """Write it and say where it is; StoreError where it cannot be written."""
    with Container(default_paths()) as container:
        path = container.write_report(args.to.expanduser().resolve())
    if args.json:
        print_json({"path": str(path)})
    else:
        print_text(f"{path}\nRead it before you send it: names, chats and tokens are left out.")
    return 0
