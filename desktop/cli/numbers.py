"""``heft numbers``: what a number format, a scheme or a type of llama.cpp makes of numbers."""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict
from typing import Any, get_args

from desktop.cli.arguments import whole_number
from desktop.cli.commands import COMMANDS
from desktop.cli.output import print_json, print_text, table
from desktop.core.errors import UsageError
from desktop.core.number_lab import Grouping, Method, Outcome, Scheme
from desktop.core.number_lab.grids import NAMES
from desktop.core.number_lab.schemes import OUTLIER
from desktop.services.container import Container
from desktop.services.lab.number_lab import PACKED, Numbers
from desktop.store.paths import default_paths

_MOST_ROWS = 64  # numbers that are listed; --json has all


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The numbers and the scheme."""
    parser.add_argument("values", nargs="*", type=float, metavar="X", help="numbers, rows one after the other")
    parser.add_argument("--model", metavar="MODEL", help="with --tensor: in the place of numbers that are typed in")
    parser.add_argument("--tensor", metavar="NAME", help="whose numbers: of a large tensor a sample of 16,384")
    parser.add_argument(
        "--format", choices=(*NAMES, *PACKED), metavar="NAME", default="INT8",
        help=f"what is stored of each (default: INT8): {', '.join(NAMES)}; or packed by llama.cpp: {', '.join(PACKED)}",
    )  # fmt: skip
    parser.add_argument("--method", choices=get_args(Method), default="absmax", help="how they are scaled")
    parser.add_argument("--by", choices=get_args(Grouping), default="tensor", help="what shares a scale")
    parser.add_argument("--block", type=whole_number, default=32, metavar="N", help="numbers of a block (default: 32)")
    parser.add_argument("--columns", type=whole_number, default=0, metavar="N", help="numbers of a row; all else")
    parser.add_argument("--percentile", type=float, default=100.0, metavar="P", help="clip magnitudes beyond it")
    parser.add_argument(
        "--outliers", type=float, nargs="?", const=OUTLIER, default=0.0, metavar="X",
        help="columns with a magnitude from X on (6 where X is left out) stay in FP16",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """What is stored, what comes back, and what is lost. UsageError for what cannot be; HeftError of a tensor."""
    if bool(args.model) != bool(args.tensor) or bool(args.values) == bool(args.model):
        raise UsageError(
            "Whose numbers?",
            f"Type some, or name a tensor (--model MODEL --tensor NAME). For example: {COMMANDS['numbers'].example}",
        )
    scheme = Scheme(args.format, args.method, args.by, args.block, args.percentile, args.outliers)
    with Container(default_paths()) as container:
        service = container.number_lab
        if args.values:
            count = len(args.values)
            if args.columns and count % args.columns:
                raise UsageError("The last row is not whole.", "Give as many numbers as --columns divides.")
            numbers = Numbers(tuple(args.values), args.columns or count, "typed in", count)
        else:
            numbers = service.read(args.model, args.tensor)
        found = service.outcome(numbers, args.format if args.format in PACKED else scheme)
    if args.json:
        print_json({**_document(found), "numbers": list(numbers.values), "columns": numbers.columns,
                    "total": numbers.total, "stored": numbers.stored or None})  # fmt: skip
    else:
        print_text(_report(numbers, found))
    return 0


def _document(found: Outcome) -> dict[str, Any]:
    noise = found.signal_to_noise
    return {
        "values": list(found.values),
        "groups": [asdict(group) for group in found.groups],
        "mean_squared_error": found.mean_squared_error,
        "largest_error": found.largest_error,
        "bits_per_weight": found.bits_per_weight,
        "scale_bits": found.scale_bits,
        "size_bytes": found.size_bytes,
        "clipped": found.clipped,
        "apart": found.apart,
        "signal_to_noise_decibels": noise if math.isfinite(noise) else None,
    }


def _report(numbers: Numbers, found: Outcome) -> str:
    pairs = list(zip(numbers.values, found.values, strict=True))
    rows = [[f"{old:g}", f"{new:g}", f"{new - old:+.3g}"] for old, new in pairs[:_MOST_ROWS]]
    lines = [table(["NUMBER", "COMES BACK AS", "ERROR"], rows, right=(0, 1, 2))]
    if len(pairs) > _MOST_ROWS:
        lines.append(f"... {len(pairs):,} in all, of {numbers.total:,} ({numbers.title}, stored as {numbers.stored})")
    scales = [
        f"{group.scale:.6g}" + (f" (zero at {group.zero_point})" if group.zero_point else "") for group in found.groups
    ]
    lines.append("")
    of_scales = f" ({found.scale_bits:.3g} of them for scales)" if found.scale_bits else ""
    if 0 < len(scales) <= _MOST_ROWS:
        lines.append(f"scale {', '.join(scales)}")
    lines.append(
        f"mean squared error {found.mean_squared_error:.4g}, largest error {found.largest_error:.4g}, "
        f"{found.bits_per_weight:.3g} bits per number{of_scales}, {found.size_bytes:,} bytes"
    )
    if found.groups and len(pairs) <= _MOST_ROWS:
        stored = " | ".join(" ".join(f"{code:g}" for code in group.codes) for group in found.groups)
        lines.append(f"stored: {stored}")
    return "\n".join(lines)
