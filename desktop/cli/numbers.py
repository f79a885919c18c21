"""``heft numbers``: what a number format and a scheme make of numbers that are typed in."""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict
from typing import Any, get_args

from desktop.cli.arguments import whole_number
from desktop.cli.output import print_json, print_text, table
from desktop.core.errors import UsageError
from desktop.core.number_lab import Grouping, Method, Outcome, Scheme, quantized
from desktop.core.number_lab.grids import NAMES
from desktop.core.number_lab.schemes import OUTLIER


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The numbers and the scheme."""
    parser.add_argument("values", nargs="+", type=float, metavar="X", help="numbers, rows one after the other")
    parser.add_argument("--format", choices=NAMES, default="INT8", help="what is stored of each (default: INT8)")
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
    """What is stored, what comes back, and what is lost. UsageError for what cannot be."""
    scheme = Scheme(args.format, args.method, args.by, args.block, args.percentile, args.outliers)
    try:
        found = quantized(args.values, scheme, args.columns)
    except ValueError as error:
        raise UsageError(f"This cannot be: {error}.", "For example: heft numbers 1.2 -0.5 5.4 --format INT8") from None
    if args.json:
        print_json(_document(found))
    else:
        print_text(_report(args.values, found))
    return 0


def _document(found: Outcome) -> dict[str, Any]:
    noise = found.signal_to_noise
    return {
        "values": list(found.values),
        "groups": [asdict(group) for group in found.groups],
        "mean_squared_error": found.mean_squared_error,
        "largest_error": found.largest_error,
        "bits_per_weight": found.bits_per_weight,
        "clipped": found.clipped,
        "apart": found.apart,
        "signal_to_noise_decibels": noise if math.isfinite(noise) else None,
    }


def _report(values: list[float], found: Outcome) -> str:
    rows = [[f"{old:g}", f"{new:g}", f"{new - old:+.3g}"] for old, new in zip(values, found.values, strict=True)]
    scales = ", ".join(
        f"{group.scale:.6g}" + (f" (zero at {group.zero_point})" if group.zero_point else "") for group in found.groups
    )
    return (
        f"{table(['NUMBER', 'COMES BACK AS', 'ERROR'], rows, right=(0, 1, 2))}\n\n"
        f"scale {scales}\nmean squared error {found.mean_squared_error:.4g}, largest error {found.largest_error:.4g}, "
        f"{found.bits_per_weight:.3g} bits per number\n"
        f"stored: {' | '.join(' '.join(f'{code:g}' for code in group.codes) for group in found.groups)}"
    )
