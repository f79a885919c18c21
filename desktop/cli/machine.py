"""``heft machine``: what this computer is, or what a saved profile says of another one."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from desktop.cli.output import print_json, print_text, table
from desktop.core.hardware import Machine
from desktop.services.machine.machine import MachineService
from desktop.services.machine.report import format_matrix, report
from desktop.store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--measure", action="store_true", help="measure the memory bandwidth again")
    which.add_argument("--profile", type=Path, metavar="FILE", help="show a saved profile instead of this computer")
    parser.add_argument("--notes", action="store_true", help="add a sentence for each number format and device")


def run(args: argparse.Namespace) -> int:
    """Print the machine; raises HeftError for an unreadable profile."""
    from desktop.services.engine.supervisor import describe_engine

    paths = default_paths()
    service = MachineService(paths, lambda: describe_engine(paths))
    if args.profile is not None:
        machine = service.load_profile(args.profile)
    else:
        machine = service.describe("again" if args.measure else "if-missing")
    if args.json:
        print_json(msgspec.to_builtins(machine))
    else:
        print_text(report(machine), end="")
        if args.notes:
            print_text("\n" + format_notes(machine))
    return 0


def format_notes(machine: Machine) -> str:
    """The sentence and the source of every number format on every device, as an aligned table."""
    _, formats = format_matrix(machine.number_formats)
    rows = [
        (cell.format, cell.device, cell.support, cell.engine, cell.note, cell.source)
        for _, cells in formats
        for cell in cells
        if cell is not None
    ]
    return table(("Format", "Device", "Hardware", "Engine", "What it means", "Source"), rows)
