"""``heft restore``: brings back what ``heft backup`` wrote, whole or not at all."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from desktop.cli.output import print_json, print_text
from desktop.services.restore_words import made_on, restored_lines
from desktop.store.paths import default_paths
from desktop.store.restore import look_at_backup, restore_backup


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which file."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a backup that heft backup wrote")
    parser.add_argument("--check", action="store_true", help="only say what it would add and replace")


def run(args: argparse.Namespace) -> int:
    """Restore, or look; StoreError for a file that is damaged, newer or not there, and where nothing can be written."""
    restore = look_at_backup if args.check else restore_backup
    restored = restore(default_paths(), args.file.expanduser().resolve())
    if args.json:
        print_json({"restored": not args.check, **asdict(restored)})
    else:
        done = "Nothing was changed yet." if args.check else "Done."
        print_text("\n".join([made_on(restored), *restored_lines(restored), done]))
    return 0
