"""``heft merge``: one file of the shards of a model."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path

from desktop.cli.output import ProgressLine, human_bytes, print_json, print_text
from desktop.services.container import Container
from desktop.services.lab.rewriting import Rewritten
from desktop.store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL and the file to make."""
    parser.add_argument("model", metavar="MODEL", help="one of the shards, or a name from 'heft library'")
    parser.add_argument("--to", metavar="FILE", help="the file to make; beside the shards when not given")


def run(args: argparse.Namespace) -> int:
    """Merge; the shards stay."""
    with Container(default_paths()) as container, closing(ProgressLine("Merging")) as line:
        made = container.rewriting.merge(args.model, Path(args.to) if args.to else None, progress=line.show)
    tell(made, as_json=args.json)
    return 0


def tell(made: Rewritten, *, as_json: bool) -> None:
    """What was made: the contract's JSON, or lines."""
    if as_json:
        print_json(
            {
                "path": made.files[0],
                "files": list(made.files),
                "size_bytes": made.size_bytes,
                "sha256": made.sha256[0],
                "files_sha256": list(made.sha256),
                "tensors_sha256": made.tensors_sha256,
            }
        )
        return
    for path, digest in zip(made.files, made.sha256, strict=True):
        print_text(f"{path}  {digest}")
    print_text(f"{human_bytes(made.size_bytes)}; the tensors are the source's, byte for byte.")
