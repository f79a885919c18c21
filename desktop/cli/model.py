"""Arguments and steps that ``run``, ``chat`` and ``bench`` share: find the model, load it, say how it goes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from desktop.cli.output import Progress
from desktop.core.errors import StoreError
from desktop.engine.worker.protocol import Load, Loaded
from desktop.services.configured import engine_service
from desktop.services.engine.headless import HeadlessEngine
from desktop.services.models.library import LibraryService
from desktop.services.planning.ledger import LedgerService, Running
from desktop.services.planning.recording import Predictions
from desktop.services.planning.speed import describe_cpu
from desktop.store.paths import default_paths
from desktop.store.settings import SettingsStore

KV_TYPES = ("f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl")


def whole_number(text: str) -> int:
    """A count for argparse: zero or more."""
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number") from None
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than zero")
    return value


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL and how to load it."""
    parser.add_argument("model", metavar="MODEL", help="a path, a name from 'heft library', or 'starter'")
    parser.add_argument("--context", type=whole_number, default=0, metavar="N", help="context length, tokens")
    parser.add_argument("--kv", choices=KV_TYPES, default="f16", help="type of the KV cache")
    parser.add_argument("--gpu-layers", default="auto", metavar="N|auto", help="layers on the GPU")
    parser.add_argument(
        "--threads", type=whole_number, default=0, metavar="N", help="default: physical cores, fewer on a busy computer"
    )


@contextmanager
def loaded_model(args: argparse.Namespace) -> Iterator[tuple[HeadlessEngine, Loaded]]:
    """The model of ``args``, loaded in an engine that ends with the block."""
    paths = default_paths()
    settings = SettingsStore(paths.settings)
    library = LibraryService(paths, settings)
    model = library.resolve(args.model)
    gpu_layers = None if args.gpu_layers == "auto" else whole_number(args.gpu_layers)
    request = Load(
        path=str(model.path),
        context_length=args.context,
        kv_type=args.kv,
        gpu_layers=gpu_layers,
        threads=args.threads,
    )
    service = engine_service(paths, settings)
    progress = Progress(f"Loading {model.name}")
    try:
        engine = HeadlessEngine(service)
        loaded = engine.load(request, model.name, progress.update)
        progress.close()
        with suppress(StoreError):  # a home that cannot be written keeps no answer from being given
            library.note_used(model.path)
        yield engine, loaded
    finally:
        progress.close()
        service.close()


@contextmanager
def open_ledger() -> Iterator[LedgerService]:
    """Predictions for this computer, and the ledger they learn from and are written to."""
    paths = default_paths()
    predictions = Predictions(paths, lambda: describe_cpu(paths))
    try:
        yield predictions.ledger
    finally:
        predictions.close()


def prediction(ledger: LedgerService, running: Running, context_used: int) -> dict[str, object]:
    """The ``predicted`` object of run and bench, worked out before the run; rates are null where nothing is known."""
    found = ledger.predict(running, context_used)
    rates = {"tokens_per_second": found.shown.decode, "prompt_tokens_per_second": found.shown.prompt} if found else {}
    memory: dict[str, int] = {f"{name}_bytes": size for name, size in running.memory.items()}
    return {
        "tokens_per_second": None,
        "prompt_tokens_per_second": None,
        **{name: {"low": rate.low, "expected": rate.expected, "high": rate.high} for name, rate in rates.items()},
        "memory": {**memory, "total_bytes": sum(memory.values())} if memory else None,
        "context_used": context_used,
        "method": found.shown.method if found else None,
        "earlier_runs": found.correction.runs if found else 0,
    }
