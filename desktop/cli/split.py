"""``heft split``: a model in several files."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path

from desktop.cli.merge import tell
from desktop.cli.output import ProgressLine
from desktop.core.units import byte_count
from desktop.services.container import Container
from desktop.store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL and how large a part may be."""
    parser.add_argument("model", metavar="MODEL", help="a file, or a name from 'heft library'")
    parser.add_argument(
        "--max-size",
        type=_size,
        default=2_000_000_000,
        metavar="SIZE",
        help="tensors of a part, such as 2 GB (the default)",
    )
    parser.add_argument(
        "--to",
        metavar="FILE",
        help="what the parts are called after, and where they go; beside the file when not given",
    )


def _size(text: str) -> int:
    try:
        found = byte_count(text)
    except ValueError:
        found = 0
    if found <= 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no size, such as 2 GB")
    return found


def run(args: argparse.Namespace) -> int:
    """Split; the file stays."""
    with Container(default_paths()) as container, closing(ProgressLine("Splitting")) as line:
        target = Path(args.to) if args.to else None
        made = container.rewriting.split(args.model, args.max_size, target, progress=line.show)
    tell(made, as_json=args.json)
    return 0
