"""``heft backup``: chats, settings, what is remembered of models, and the ledger in one file."""

from __future__ import annotations

import argparse
from pathlib import Path

from desktop.cli.output import print_json, print_text
from desktop.core.units import human_bytes
from desktop.store.backup import write_backup
from desktop.store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the backup to write, such as heft-backup.zip")
    parser.add_argument("--force", action="store_true", help="in place of a file that is there")


def run(args: argparse.Namespace) -> int:
    """Write it and say what is in it; StoreError where it cannot be written or is there."""
    written = write_backup(default_paths(), args.file.expanduser().resolve(), replace=args.force)
    if args.json:
        print_json(
            {
                "path": str(written.path),
                "size_bytes": written.size_bytes,
                "chats": written.chats,
                "models": written.models,
                "runs": written.runs,
            }
        )
    else:
        print_text(
            f"{written.path}, {human_bytes(written.size_bytes)}\n"
            f"In it: {written.chats:,} chats, what is remembered of {written.models:,} models, {written.runs:,} "
            "measured runs, settings and presets. Models, tokens and passwords are not."
        )
    return 0
