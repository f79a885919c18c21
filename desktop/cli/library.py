"""``heft library``: the GGUF files on this computer."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from desktop.cli.fit import speeds_document
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
from desktop.core.errors import HeftError, UsageError
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import as_document
from desktop.core.naming import elided_name
from desktop.core.quality import MeasuredHere
from desktop.core.units import human_parameters
from desktop.services.container import Container
from desktop.services.lab.words import measured_words
from desktop.services.models.kind_words import kind_note
from desktop.services.models.library import LibraryModel
from desktop.services.models.removal_words import consequences, outcome, question
from desktop.services.planning.library_plans import LibraryPlans
from desktop.services.planning.library_words import fit_words
from desktop.services.planning.words import speed
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
    with Container(paths) as container:
        models, plans = _planned(container)
        for folder in container.library.unreadable:
            print_note(f"heft: {folder} could not be read.")
        measured = {model.id: container.measured_of(model.files) for model in models}
    if args.json:
        print_json({"models": [_document(model, plans.get(model.id), measured[model.id]) for model in models]})
    elif models:
        print_text(_table(models, plans, measured))
    else:
        print_text(f"No models yet. Put a .gguf file into {paths.models}.")
    return 0


def _planned(container: Container) -> tuple[list[LibraryModel], dict[str, LoadPlan]]:
    """The models, and how those of them that can be run would load, by id; none where there is no engine."""
    plans, reading = LibraryPlans(lambda: container.planning), ProgressLine("Reading models")
    with ThreadPoolExecutor(1) as beside:
        looking = beside.submit(plans.look)  # while the files are looked for
        try:
            models = container.library.scan(reading.show)
        finally:
            reading.close()
    if not models or isinstance(looking.exception(), HeftError):
        return models, {}
    planning = ProgressLine("Weighing them")
    try:
        return models, plans.all(models, planning.show)
    finally:
        planning.close()


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


def _document(model: LibraryModel, plan: LoadPlan | None, here: MeasuredHere | None) -> dict[str, Any]:
    fit = plan.fit if plan is not None else None
    speeds = plan.speeds if plan is not None else None
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
        "placement": fit.placement if fit else None,
        "method": fit.method if fit else None,
        "gpu_layers": fit.gpu_layers if fit else None,
        "layers": fit.layers if fit else None,
        "memory_bytes": fit.memory.total_bytes if fit else None,
        "short_by_bytes": fit.short_by_bytes if fit else None,
        "context_used": fit.context if fit else None,
        "tokens_per_second": asdict(speeds.full) if speeds else None,
        **speeds_document(speeds),
        "settings": as_document(plan.settings) if plan is not None and fit is not None else None,
        "measured_here": asdict(here) if here is not None else None,
    }


def _said(model: LibraryModel, here: MeasuredHere | None) -> str:
    """What is wrong with it or what it is for, its further names, and its loss where that was measured here."""
    others = [elided_name(name, NAME_WIDTH) for name in model.names if name != model.name]
    also = f"Also called {', '.join(others)}." if others else ""
    loss = measured_words(here) if here is not None else ""
    return " ".join(words for words in (model.problem or kind_note(model.kind), also, loss) if words)


def _table(
    models: list[LibraryModel], plans: Mapping[str, LoadPlan], measured: Mapping[str, MeasuredHere | None]
) -> str:
    rows = [
        [
            elided_name(model.title, NAME_WIDTH),
            model.architecture or "-",
            human_parameters(model.parameters) if model.parameters else "-",
            model.quantization or "-",
            human_bytes(model.size_bytes),
            fit_words(model, plans.get(model.id)),
            _speed(plans.get(model.id)),
            model.source,
            _said(model, measured[model.id]),
        ]
        for model in models
    ]
    header = ["NAME", "ARCHITECTURE", "PARAMETERS", "QUANT", "SIZE", "RUNS HERE", "SPEED (TOK/S)", "WHERE", ""]
    return table(header, rows, right=(2, 4, 6))


def _speed(plan: LoadPlan | None) -> str:
    """From an empty to a full context; the unit is the column's."""
    return speed(plan.speeds, unit=False) if plan is not None else "–"
