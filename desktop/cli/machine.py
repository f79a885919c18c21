"""``heft machine``: what this computer is, or what a saved profile says of another one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import msgspec

from desktop.cli.output import ProgressLine, human_bytes, print_json, print_note, print_text, table
from desktop.core.errors import UsageError
from desktop.core.hardware import Machine
from desktop.core.speed import Calibration
from desktop.services.container import Container
from desktop.services.machine.calibration import USUAL_TYPES, CalibrationService, can_calibrate
from desktop.services.machine.calibration_words import doubts
from desktop.services.machine.report import format_matrix, report
from desktop.store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--measure", action="store_true", help="measure the memory bandwidth again")
    which.add_argument(
        "--calibrate", action="store_true", help="measure the engine's kernels, in about a minute for each device"
    )
    which.add_argument("--profile", type=Path, metavar="FILE", help="show a saved profile instead of this computer")
    parser.add_argument(
        "--types", type=_types, default=USUAL_TYPES, metavar="Q4_K,...", help="tensor types to calibrate"
    )
    parser.add_argument(
        "--device", action="append", default=[], metavar="NAME",
        help="calibrate of the cards only this one, by the engine's name (Vulkan0), a device in software too",
    )  # fmt: skip
    parser.add_argument("--notes", action="store_true", help="add a sentence for each number format and device")


def _types(text: str) -> tuple[str, ...]:
    types = tuple(part.strip().upper() for part in text.split(",") if part.strip())
    unknown = [kind for kind in types if not can_calibrate(kind)]
    if unknown or not types:
        raise argparse.ArgumentTypeError(f"'{', '.join(unknown) or text}' cannot be calibrated; Q4_K can, say")
    return types


def run(args: argparse.Namespace) -> int:
    """Print the machine; raises HeftError for an unreadable profile, or where a calibration fails."""
    with Container(default_paths()) as container:
        service = container.machine
        if args.profile is not None:
            machine = service.load_profile(args.profile)
        else:
            machine = service.describe("again" if args.measure else "if-missing")
        if args.calibrate:
            _calibrate(container.calibration, machine, args.types, tuple(args.device))
        calibration = container.calibration.known(machine) if args.profile is None else None
    if args.json:
        print_json({**msgspec.to_builtins(machine), "calibration": calibration_document(calibration)})
    else:
        print_text(report(machine), end="")
        if calibration is not None:
            print_text("\n" + calibration_table(calibration))
        if args.notes:
            print_text("\n" + format_notes(machine))
    return 0


def _calibrate(service: CalibrationService, machine: Machine, types: tuple[str, ...], devices: tuple[str, ...]) -> None:
    """With a line of progress; Ctrl+C keeps what was known before. Raises UsageError for a device there is not."""
    offered = {name for gpu in machine.gpus for name in gpu.engine_devices}
    if unknown := [name for name in devices if name not in offered]:
        there = f"There are: {', '.join(sorted(offered))}." if offered else "There is none."
        raise UsageError(f"The engine has no device {unknown[0]}.", there)
    line = ProgressLine("Calibrating")
    try:
        found = service.calibrate(machine, types, progress=line.show, devices=devices)
    finally:
        line.close()
    for doubt in doubts(found):
        print_note(f"heft: {doubt}")


def calibration_document(calibration: Calibration | None) -> dict[str, Any] | None:
    """When it was measured, and of each device each type's seconds per byte and per weight of a prompt; or null."""
    if calibration is None:
        return None
    devices = {
        name: {
            "types": {
                kind: {
                    "bytes_per_second": 1 / found.points[-1].seconds_per_byte,
                    "prompt_seconds_per_weight": found.prompt,
                    "uncertainty": found.uncertainty,
                }
                for kind, found in speed.types.items()
            }
        }
        for name, speed in calibration.devices.items()
    }
    return {
        "measured_at": calibration.measured_at,
        "threads": calibration.threads,
        "devices": devices,
        "doubts": list(doubts(calibration)),
    }


def calibration_table(calibration: Calibration) -> str:
    """How quick each device reads each type, for people."""
    rows = [
        [name, kind, f"{human_bytes(1 / found.points[-1].seconds_per_byte)}/s", f"± {found.uncertainty:.0%}"]
        for name, speed in calibration.devices.items()
        for kind, found in speed.types.items()
    ]
    when = calibration.measured_at.replace("T", " ")
    return f"Calibrated {when}\n" + table(["Device", "Type", "Reads", ""], rows, right=(2,))


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
