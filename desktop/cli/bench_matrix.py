"""``heft bench --matrix``: many settings of one model, timed in turns; exported, and beside other people's results."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from desktop.cli.model import token_number
from desktop.cli.output import NAME_WIDTH, ProgressLine, print_json, print_note, print_text, table
from desktop.core import bench_rows
from desktop.core.bench_picture import row_words
from desktop.core.bench_rows import BenchRow
from desktop.core.errors import UsageError
from desktop.core.naming import elided_name
from desktop.core.units import human_time
from desktop.services.container import Container
from desktop.services.lab.bench_files import WRITTEN, read_results, write_results
from desktop.services.lab.benching import BATCH, UBATCH, Bench, BenchProspect, matrix
from desktop.store.paths import default_paths


def add_matrix_arguments(parser: argparse.ArgumentParser) -> None:
    """What the matrix is made of: lists with commas between."""
    parser.add_argument("--matrix", action="store_true", help="time every combination of the lists below, in turns")
    for option, words, default in (
        ("--prompts", "prompt tokens", (512,)),
        ("--generates", "tokens to generate", (128,)),
        ("--depths", "tokens before them", (0,)),
        ("--batches", "tokens of a batch", (BATCH,)),
        ("--ubatches", "tokens that are computed at once", (UBATCH,)),
        ("--thread-counts", "threads; 0 is Heft's own choice", (0,)),
    ):
        usual = ",".join(str(one) for one in default)
        parser.add_argument(
            option, type=_numbers, default=default, metavar="N,N", help=f"a matrix's {words} (default: {usual})"
        )
    parser.add_argument(
        "--kv-types", type=_words, default=("f16",), metavar="T,T", help="a matrix's types of the KV cache"
    )
    parser.add_argument(
        "--device-sets", type=lambda text: tuple(text.split(";")), default=("",), metavar="D;D",
        help="a matrix's devices, as --device has them, with ; between",
    )  # fmt: skip
    parser.add_argument(
        "--export", action="append", default=[], metavar="FILE",
        help=f"write the results: a name that ends with {', '.join(WRITTEN)}; may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--beside", action="append", default=[], metavar="FILE",
        help="show results of llama-bench (JSON, JSONL, CSV) beside; may be given several times",
    )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="with --matrix: only say what it would take")


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(token_number(one) if one.strip() != "0" else 0 for one in text.split(","))


def _words(text: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in text.split(","))


def run_matrix(args: argparse.Namespace) -> int:
    """Say what it takes, time, show, export."""
    tests = matrix(
        prompts=args.prompts, generates=args.generates, depths=args.depths, batches=args.batches,
        ubatches=args.ubatches, threads=args.thread_counts, kv_types=args.kv_types, devices=args.device_sets,
    )  # fmt: skip
    for name in args.export:
        if not name.endswith(WRITTEN):
            raise UsageError(f"{name[:80]} has no form that results have.", f"Choose of: {', '.join(WRITTEN)}.")
    beside = [(name, read_results(Path(name).expanduser())) for name in args.beside]
    with Container(default_paths()) as container:
        service = container.benching
        prospect = service.prospect(args.model, tests, max(1, args.repeat))
        if args.dry_run:
            print_json(_before(prospect)) if args.json else print_text(_plan(prospect))
            return 0
        print_note(f"{_plan(prospect)} The machine should have nothing else to do.")
        with closing(ProgressLine(f"Timing {elided_name(prospect.source.title, NAME_WIDTH)}")) as line:
            found = service.measure(prospect, progress=line.show)
    rows = [cell.row for cell in found.cells]
    title = prospect.source.title
    for name in args.export:
        write_results(Path(name).expanduser(), rows, [(title, rows), *beside], f"{title}, heft bench")
    if args.json:
        print_json(matrix_document(prospect, found, beside))
        return 0
    print_text(_report(found))
    for name, theirs in beside:
        print_text(f"\n{name}\n{_theirs(rows, theirs)}")
    return 0


def _plan(prospect: BenchProspect) -> str:
    time = f"about {human_time(prospect.seconds)}" if prospect.seconds else "its time is not known here"
    rounds = "one round" if prospect.order.repeat == 1 else f"{prospect.order.repeat} rounds"
    return f"{len(prospect.order.tests)} tests, {rounds}: {time}."


def _before(prospect: BenchProspect) -> dict[str, Any]:
    return {
        "tests": len(prospect.order.tests),
        "repeat": prospect.order.repeat,
        "expected_seconds": prospect.seconds,
        "predicted_ts": list(prospect.predicted),
    }


def matrix_document(
    prospect: BenchProspect, found: Bench, beside: Sequence[tuple[str, Sequence[BenchRow]]]
) -> dict[str, Any]:
    """The JSON of the headless contract: rows as llama-bench has them, and what Heft adds."""
    return {
        **_before(prospect),
        "rows": [
            bench_rows.document(cell.row)
            | {
                "test": cell.row.test,
                "median_ts": cell.row.median,
                "min_ts": cell.row.spread[0],
                "max_ts": cell.row.spread[1],
                "predicted": cell.predicted or None,
                "disturbed": cell.disturbed,
            }
            for cell in found.cells
        ],
        "beside": [
            {"path": name, "rows": [bench_rows.document(row) for row in rows]} for name, rows in beside
        ],
    }  # fmt: skip


def _report(found: Bench) -> str:
    rows = []
    for cell in found.cells:
        low, high = cell.row.spread
        predicted = f"{cell.predicted:.1f}" if cell.predicted else "–"
        off = f"{cell.row.median / cell.predicted - 1:+.0%}" if cell.predicted else ""
        note = f"{cell.disturbed} disturbed" if cell.disturbed else ""
        rows.append([row_words(cell.row), f"{cell.row.median:.2f}", f"{low:.2f}", f"{high:.2f}", predicted, off, note])
    head = ["tokens per second", "median", "min", "max", "predicted", "off", ""]
    return table(head, rows, right=(1, 2, 3, 4, 5))


def _theirs(own: Sequence[BenchRow], theirs: Sequence[BenchRow]) -> str:
    """Their rows, each with the own one of the same test and cache."""
    alike: Callable[[BenchRow], tuple[object, ...]] = lambda row: (row.test, row.type_k, row.type_v)  # noqa: E731
    known = {alike(row): row for row in own}
    rows = []
    for row in theirs:
        same = known.get(alike(row))
        machine = row.gpu_info or row.cpu_info
        ratio = f"{same.median / row.median:.2f}" if same and row.median else ""
        rows.append([row_words(row), f"{row.median:.2f}", f"{same.median:.2f}" if same else "–", ratio, row.model_type,
                     machine])  # fmt: skip
    return table(["tokens per second", "theirs", "here", "ratio", "model", "computer"], rows, right=(1, 2, 3))
