"""``heft imatrix``: an importance matrix of a model, made as llama-imatrix makes it, or looked at."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from desktop.cli.arguments import whole_number
from desktop.cli.hints import hints
from desktop.cli.model import token_number
from desktop.cli.output import NAME_WIDTH, ProgressLine, print_json, print_note, print_text, table
from desktop.core.failures import FailureKind
from desktop.core.importance import TensorImportance, by_layer
from desktop.core.naming import elided_name
from desktop.core.units import human_time
from desktop.services.container import Container
from desktop.services.lab.importance import CONTEXT, ImportanceMade, ImportanceProspect
from desktop.services.lab.texts import MIXED
from desktop.store.paths import default_paths

HINTS = {FailureKind.FILE_EXISTS: "Name another one with --to, or look at it with --show."}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, the text, and where it goes."""
    parser.add_argument("model", metavar="MODEL", help="a path or a name: F16, or the largest file there is")
    parser.add_argument(
        "--text", metavar="FILE", default=MIXED,
        help="a text in UTF-8, or one that comes with Heft: mixed (the default), prose, code, languages",
    )  # fmt: skip
    parser.add_argument("--to", metavar="FILE", help="the file to make; beside the model when not given")
    parser.add_argument("--chunks", type=whole_number, default=0, metavar="N", help="pieces of the text; all else")
    parser.add_argument(
        "--context", type=token_number, default=CONTEXT, metavar="N", help="tokens of a piece (default: 512)"
    )
    parser.add_argument("--show", action="store_true", help="only show the matrix MODEL (a file), or the model's own")
    parser.add_argument("--dry-run", action="store_true", help="only say what it would take")


def run(args: argparse.Namespace) -> int:
    """Say what it takes, make it, show it by layer."""
    with Container(default_paths()) as container:
        service = container.importance
        if args.show:
            path = Path(args.model).expanduser()
            if not path.is_file() or not path.name.endswith((".imatrix.gguf", ".imatrix", ".dat")):
                path = service.beside(args.model) or path
            found = service.read(path)
            if args.json:
                document = {"path": str(path), "chunks": found.chunks, "text": found.dataset}
                print_json({**document, "tensors": tensors_document(found.tensors)})
            else:
                print_text(f"{path}\n{found.chunks} pieces of {found.dataset or 'a text without a name'}\n")
                print_text(layers_text(found.tensors))
            return 0
        prospect = service.prospect(
            args.model, args.text, Path(args.to) if args.to else None, context=args.context, chunks=args.chunks
        )
        if args.dry_run:
            print_json(_document(prospect)) if args.json else print_text(_plan(prospect))
            return 0
        print_note(_plan(prospect))
        label = f"Reading {elided_name(prospect.source.title, NAME_WIDTH)}"
        with closing(ProgressLine(label)) as line, hints(HINTS):
            made = service.make(prospect, progress=line.show)
    if args.json:
        print_json(_document(prospect, made))
        return 0
    print_text(layers_text(made.tensors))
    print_text(f"\nMade {made.path}, SHA-256 {made.sha256}")
    print_text(f"Use it: heft quantize {prospect.source.path} TYPE --imatrix {made.path}")
    return 0


def _plan(prospect: ImportanceProspect) -> str:
    words = [f"{prospect.chunks} of {prospect.text_chunks} pieces of {prospect.text.title}"]
    words.append(f"about {human_time(prospect.seconds)}" if prospect.seconds else "its time is not known here")
    words.append(f"into {prospect.target}")
    return "; ".join(words) + "."


def _document(prospect: ImportanceProspect, made: ImportanceMade | None = None) -> dict[str, Any]:
    """The JSON of the headless contract."""
    return {
        "path": made.path if made else str(prospect.target),
        "made": made is not None,
        "source": str(prospect.source.path),
        "text": prospect.text.name,
        "chunks": made.chunks if made else prospect.chunks,
        "text_chunks": prospect.text_chunks,
        "context": prospect.order.context,
        "expected_seconds": prospect.seconds,
        "seconds": made.seconds if made else None,
        "sha256": made.sha256 if made else None,
        "entries": made.entries if made else None,
        "tensors": tensors_document(made.tensors) if made else [],
    }


def tensors_document(tensors: Sequence[TensorImportance]) -> list[dict[str, Any]]:
    """Each tensor's figures."""
    return [msgspec.to_builtins(one) | {"layer": one.layer, "role": one.role} for one in tensors]


def layers_text(tensors: Sequence[TensorImportance]) -> str:
    """The mean of squared activations by layer and role."""
    found = by_layer(tensors)
    rows = []
    for layer in found.layers:
        cells = (found.cells.get((layer, role)) for role in found.roles)
        rows.append([str(layer), *(f"{cell.mean:.3g}" if cell else "" for cell in cells)])
    return table(["layer", *found.roles], rows, right=tuple(range(len(found.roles) + 1)))
