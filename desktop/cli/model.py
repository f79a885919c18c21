"""Arguments and steps that ``run``, ``chat`` and ``bench`` share: find the model, load it, say how it goes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from desktop.cli.output import Progress
from desktop.core.errors import StoreError, UsageError
from desktop.core.hub_address import hub_address
from desktop.core.token_counts import read_tokens
from desktop.engine.worker.protocol import Load, Loaded
from desktop.services.engine.headless import HeadlessEngine
from desktop.services.engine.supervisor import EngineService
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


def token_number(text: str) -> int:
    """A number of tokens for argparse: 32768, 32,768, 32k or 1M."""
    try:
        return read_tokens(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(f"{error.message} {error.hint}") from None


def repo_name(text: str) -> str:
    """OWNER/NAME of a repo for argparse, also of a link to it."""
    address = hub_address(text)
    return address.repo if address is not None else text


def add_context_argument(parser: argparse.ArgumentParser) -> None:
    """``--context``; 0, the default, lets Heft decide."""
    words = "context length in tokens, such as 32768 or 32k"
    parser.add_argument("--context", type=token_number, default=0, metavar="N", help=words)


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL and how to load it."""
    parser.add_argument("model", metavar="MODEL", help="a path, a name from 'heft library', or 'starter'")
    add_context_argument(parser)
    parser.add_argument("--kv", choices=KV_TYPES, default="f16", help="type of the KV cache")
    parser.add_argument("--gpu-layers", default="auto", metavar="N|auto", help="layers on the GPU")
    parser.add_argument(
        "--threads", type=whole_number, default=0, metavar="N", help="default: physical cores, fewer on a busy computer"
    )


@contextmanager
def loaded_model(args: argparse.Namespace) -> Iterator[tuple[HeadlessEngine, Loaded]]:
    """The model of ``args``, loaded in an engine that ends with the block."""
    paths = default_paths()
    library = LibraryService(paths, SettingsStore(paths.settings))
    model = library.resolve(args.model)
    gpu_layers = None if args.gpu_layers == "auto" else whole_number(args.gpu_layers)
    request = Load(
        path=str(model.path),
        context_length=args.context,
        kv_type=args.kv,
        gpu_layers=gpu_layers,
        threads=args.threads,
    )
    service = EngineService(paths)
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
