"""``heft bench``: prompt and generation speed of one model."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence

from desktop.cli.arguments import whole_number
from desktop.cli.bench_matrix import add_matrix_arguments, run_matrix
from desktop.cli.fit import speeds_document
from desktop.cli.model import (
    add_model_arguments,
    loaded_document,
    loaded_model,
    prediction,
    token_number,
)
from desktop.cli.output import print_json, print_note, print_text, table
from desktop.core.errors import UsageError
from desktop.engine.api import Benchmark
from desktop.services.container import Container
from desktop.services.planning.ledger import RunMeter
from desktop.store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_model_arguments(parser)
    parser.add_argument("--prompt", type=token_number, default=512, metavar="N", help="prompt tokens")
    parser.add_argument("--generate", type=token_number, default=64, metavar="N", help="tokens to generate")
    parser.add_argument("--repeat", type=whole_number, default=5, metavar="N", help="repetitions")
    add_matrix_arguments(parser)


def spread(rates: Sequence[float]) -> dict[str, float]:
    """Median, lowest and highest of tokens per second."""
    return {"median": statistics.median(rates), "min": min(rates), "max": max(rates)}


def run(args: argparse.Namespace) -> int:
    """Time and report."""
    if args.matrix:
        return run_matrix(args)
    request = Benchmark(0, max(1, args.prompt), max(1, args.generate), max(1, args.repeat))
    with Container(default_paths()) as container, loaded_model(container, args) as (engine, loaded, plan):
        if loaded.endpoint:
            raise UsageError(
                "A model of another server cannot be measured: the figures would be the network's, too.",
                "Measure it on that computer.",
            )
        ledger = container.ledger
        running = ledger.started(loaded, plan)
        predicted = prediction(ledger, running, max(1, request.generate_tokens // 2))
        rounds = "one round" if request.repeat == 1 else f"{request.repeat} rounds"
        print_note(f"Timing {rounds}; the machine should have nothing else to do.")
        meter = RunMeter.start(engine.pid)
        result = engine.benchmark(request)
        ledger.benched(running, result, request.prompt_tokens, request.generate_tokens, meter)
    reading, writing = spread(result.prompt_tokens_per_second), spread(result.tokens_per_second)
    if args.json:
        print_json(
            {
                "prompt_tokens_per_second": reading,
                "tokens_per_second": writing,
                "threads": result.threads,
                "predicted": predicted,
                "context_used": max(1, request.generate_tokens // 2),
                **speeds_document(plan.speeds),
                **loaded_document(loaded, plan),
            }
        )
        return 0
    figures = {f"prompt, {request.prompt_tokens}": reading, f"generation, {request.generate_tokens}": writing}
    rows = [[name, *(f"{values[key]:.1f}" for key in ("median", "min", "max"))] for name, values in figures.items()]
    print_text(table(["tokens per second", "median", "min", "max"], rows, right=(1, 2, 3)))
    print_text(f"{result.threads} threads")
    return 0
