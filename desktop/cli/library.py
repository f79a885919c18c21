"""``heft library``: the GGUF files on this computer."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from desktop.cli.output import (
    NAME_WIDTH,
    ProgressLine,
    human_bytes,
    print_error,
    print_json,
    print_note,
    print_text,
    table,
)
from desktop.core.errors import UsageError
from desktop.core.naming import elided_name
from desktop.core.units import human_parameters
from desktop.services.container import Container
from desktop.services.models.kind_words import kind_note
from desktop.services.models.library import LibraryModel
from desktop.services.models.removal_words import consequences, outcome, question
from desktop.store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--remove", metavar="NAME", help="remove a model: a name of the list, or a path")
    parser.add_argument(
        "--join", metavar="NAME", help="join the pieces of a file that was cut into one file beside them"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask before removing")


def run(args: argparse.Namespace) -> int:
    """List the models; folders that could not be read are named on stderr. With ``--remove`` see :func:`_remove`."""
    paths = default_paths()
    if args.remove is not None:
        with Container(paths, lambda error: print_error(error, as_json=False)) as container:
            return _remove(container, args)
    if args.join is not None:
        with Container(paths, lambda error: print_error(error, as_json=False)) as container:
            return _join(container, args)
    service = Container(paths).library
    line = ProgressLine("Reading models")
    try:
        models = service.scan(line.show)
    finally:
        line.close()
    for folder in service.unreadable:
        print_note(f"heft: {folder} could not be read.")
    if args.json:
        print_json({"models": [_document(model) for model in models]})
    elif models:
        print_text(_table(models))
    else:
        print_text(f"No models yet. Put a .gguf file into {paths.models}.")
    return 0


def _remove(container: Container, args: argparse.Namespace) -> int:
    """Say what it frees, ask, remove. Raises HeftError where Heft may not, UsageError where nobody can be asked."""
    removal = container.removals.plan(container.library.resolve(args.remove))
    if not args.yes:
        if args.json or not sys.stdin.isatty():
            raise UsageError(" ".join([question(removal), *consequences(removal)]), "To do it, add --yes.")
        print_text(" ".join([question(removal), *consequences(removal)]))
        if input("Type yes to remove it: ").strip().casefold() != "yes":
            print_text("Nothing was removed.")
            return 0
    container.removals.remove(removal)
    if args.json:
        files = [str(path) for path in (*removal.files, *removal.links)]
        removed = {"name": removal.model.name, "files": files, "freed_bytes": removal.frees_bytes}
        print_json({"removed": {**removed, "to_trash": removal.to_trash}})
    else:
        print_text(outcome(removal))
    return 0


def _join(container: Container, args: argparse.Namespace) -> int:
    """Join a model's pieces and say where the file is. Raises HeftError."""
    line = ProgressLine("Joining")
    try:
        path = container.joining.join(container.library.resolve(args.join), progress=line.show)
    finally:
        line.close()
    if args.json:
        print_json({"joined": {"path": str(path), "size_bytes": path.stat().st_size}})
    else:
        print_text(f"{path} is one file now, and can be run. The pieces are still there.")
    return 0


def _document(model: LibraryModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "title": model.title,
        "names": list(model.names),
        "path": str(model.path),
        "files": [str(path) for path in model.files],
        "mmproj": [str(path) for path in model.mmproj],
        "size_bytes": model.size_bytes,
        "kind": model.kind,
        "architecture": model.architecture,
        "quantization": model.quantization,
        "parameters": model.parameters,
        "bits_per_weight": model.bits_per_weight or None,
        "context_length": model.context_length,
        "source": model.source,
        "modified_seconds": model.modified,
        "last_used_seconds": model.last_used,
        "also_in": [str(path) for path in model.also_in],
        "problem": model.problem,
    }


def _said(model: LibraryModel) -> str:
    """What is wrong with it or what it is for, and its further names."""
    others = [elided_name(name, NAME_WIDTH) for name in model.names if name != model.name]
    also = f"Also called {', '.join(others)}." if others else ""
    return " ".join(words for words in (model.problem or kind_note(model.kind), also) if words)


def _table(models: list[LibraryModel]) -> str:
    rows = [
        [
            elided_name(model.title, NAME_WIDTH),
            model.architecture or "-",
            human_parameters(model.parameters) if model.parameters else "-",
            model.quantization or "-",
            human_bytes(model.size_bytes),
            model.source,
            _said(model),
        ]
        for model in models
    ]
    header = ["NAME", "ARCHITECTURE", "PARAMETERS", "QUANT", "SIZE", "WHERE", ""]
    return table(header, rows, right=(2, 4))
