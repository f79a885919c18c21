"""Arguments and steps that ``run``, ``chat`` and ``bench`` share: find the model, load it, say how it goes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from desktop.cli.output import Progress
from desktop.engine.protocol import Load, Loaded
from desktop.services.engine import EngineService
from desktop.services.headless import HeadlessEngine
from desktop.services.library import LibraryService
from desktop.store.paths import default_paths
from desktop.store.settings import SettingsStore

KV_TYPES = ("f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl")


def whole_number(text: str) -> int:
    """A count for argparse: zero or more."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than zero")
    return value


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL and how to load it."""
    parser.add_argument("model", metavar="MODEL", help="a path, a name from 'heft library', or 'starter'")
    parser.add_argument("--context", type=whole_number, default=0, metavar="N", help="context length, tokens")
    parser.add_argument("--kv", choices=KV_TYPES, default="f16", help="type of the KV cache")
    parser.add_argument("--gpu-layers", default="auto", metavar="N|auto", help="layers on the GPU")
    parser.add_argument("--threads", type=whole_number, default=0, metavar="N", help="default: physical cores")


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
        library.note_used(model.path)
        yield engine, loaded
    finally:
        progress.close()
        service.close()
