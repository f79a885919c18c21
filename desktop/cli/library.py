"""``heft library``: the GGUF files on this computer."""

from __future__ import annotations

import argparse
from typing import Any

from desktop.cli.output import ProgressLine, human_bytes, print_json, print_note, print_text, table
from desktop.core.units import human_parameters
from desktop.services.container import Container
from desktop.services.models.library import LibraryModel
from desktop.store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments of its own."""


def run(args: argparse.Namespace) -> int:
    """List the models; folders that could not be read are named on stderr."""
    paths = default_paths()
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


def _document(model: LibraryModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "path": str(model.path),
        "files": [str(path) for path in model.files],
        "mmproj": [str(path) for path in model.mmproj],
        "size_bytes": model.size_bytes,
        "architecture": model.architecture,
        "quantization": model.quantization,
        "parameters": model.parameters,
        "context_length": model.context_length,
        "source": model.source,
        "modified_seconds": model.modified,
        "last_used_seconds": model.last_used,
        "also_in": [str(path) for path in model.also_in],
        "problem": model.problem,
    }


def _table(models: list[LibraryModel]) -> str:
    rows = [
        [
            model.name,
            model.architecture or "-",
            human_parameters(model.parameters) if model.parameters else "-",
            model.quantization or "-",
            human_bytes(model.size_bytes),
            model.source,
            model.problem,
        ]
        for model in models
    ]
    header = ["NAME", "ARCHITECTURE", "PARAMETERS", "QUANT", "SIZE", "WHERE", ""]
    return table(header, rows, right=(2, 4))
