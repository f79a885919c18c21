"""``heft fit``: memory, placement and speed of one model file, on this computer or another one."""

from __future__ import annotations

import argparse
import contextlib
from dataclasses import asdict
from typing import Any

from desktop.cli.fit_text import report
from desktop.cli.inspect import make_service as make_inspection
from desktop.cli.model import KV_TYPES, whole_number
from desktop.cli.output import ProgressLine, print_json, print_text
from desktop.core.errors import UsageError
from desktop.core.memory import Memory, Settings, resident_bytes
from desktop.core.speed import Rate
from desktop.services.discover.tables import DataTables
from desktop.services.machine.calibration import CalibrationService
from desktop.services.machine.machine import MachineService
from desktop.services.machine.what_if import named_machine
from desktop.services.planning.engine_planner import PlanningService
from desktop.services.planning.fit import FitService, Weighed
from desktop.services.planning.speed import SpeedService
from desktop.store.ledger import Ledger
from desktop.store.paths import Paths, default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SOURCE, the settings of a load, and the machine."""
    parser.add_argument("source", metavar="SOURCE", help="a path, hf:OWNER/REPO/FILE[@REV], or a library name")
    parser.add_argument("--context", type=whole_number, default=0, metavar="N", help="context length, tokens")
    parser.add_argument("--kv", choices=KV_TYPES, default="f16", help="type of the KV cache")
    parser.add_argument("--gpu-layers", default="auto", metavar="N|auto", help="layers on the GPU; the output is one")
    parser.add_argument(
        "--machine", metavar="PROFILE.json", help="another computer: a profile, or a name such as 'RTX 4070'"
    )
    parser.add_argument("--estimate", action="store_true", help="formulas only; the engine is not asked")


def run(args: argparse.Namespace) -> int:
    """Print how the file fits; exit code 0 also when it is too large."""
    from desktop.services.engine.supervisor import describe_engine

    paths = default_paths()
    machines = MachineService(paths, lambda: describe_engine(paths))
    settings = Settings(context=args.context, kv_type=args.kv, gpu_layers=_layers(args.gpu_layers))
    profile = named_machine(args.machine, DataTables(), machines) if args.machine is not None else None
    planning = PlanningService(paths)
    service = FitService(make_inspection(paths), planning, lambda: machines.describe("cached"))
    line = ProgressLine("Weighing")
    try:
        found = service.fit(
            args.source,
            settings,
            machine=profile,
            method="estimate" if args.estimate else "engine",
            progress=line.show,
        )
    finally:
        line.close()
        planning.close()
    rate = _rate(found, paths)
    if args.json:
        print_json(document(found, rate))
    else:
        print_text(report(found, rate), end="")
    return 0


def _rate(found: Weighed, paths: Paths) -> Rate | None:
    """Tokens per second while writing; None where nothing is known of the machine, or the model does not fit."""
    if not found.fit.fits:
        return None
    ledger = Ledger(paths.ledger)
    try:
        speeds = SpeedService(CalibrationService(paths), lambda: found.machine, ledger.runs)
        with contextlib.suppress(ValueError):  # a model without a matrix has no speed
            return speeds.rate(found.shape, found.weights, found.quantization, found.fit, found.machine)
    finally:
        ledger.close()
    return None


def _layers(text: str) -> int | None:
    if text == "auto":
        return None
    try:
        return whole_number(text)
    except (ValueError, argparse.ArgumentTypeError):
        raise UsageError(f"--gpu-layers takes a number or auto, not '{text}'.", "See: heft fit --help") from None


def document(found: Weighed, rate: Rate | None) -> dict[str, Any]:
    """The JSON of the headless contract."""
    fit = found.fit
    return {
        "name": found.title,
        "architecture": found.shape.architecture,
        "quantization": found.quantization,
        "context": fit.context,
        "kv_type": fit.kv_type,
        "memory": memory_document(fit.memory),
        "resident_bytes": resident_bytes(fit.memory, found.shape),
        "method": fit.method,
        "placement": fit.placement,
        "gpu_layers": fit.gpu_layers,
        "layers": fit.layers,
        "cpu_expert_layers": fit.cpu_expert_layers,
        "free_bytes": fit.free_bytes,
        "short_by_bytes": fit.short_by_bytes,
        "reserve_bytes": sum(pool.reserve_bytes for pool in fit.pools),
        "tokens_per_second": None if rate is None else asdict(rate),
        "max_context": fit.max_context,
        "trained_context": found.shape.trained_context,
        "band": fit.band,
        "note": found.note,
    }


def memory_document(memory: Memory) -> dict[str, Any]:
    """Sums over all devices, and each device's own."""
    return {
        "weights_bytes": memory.weights_bytes,
        "kv_bytes": memory.kv_bytes,
        "recurrent_bytes": memory.recurrent_bytes,
        "compute_bytes": memory.compute_bytes,
        "output_bytes": memory.output_bytes,
        "total_bytes": memory.total_bytes,
        "devices": [asdict(device) | {"total_bytes": device.total_bytes} for device in memory.devices],
    }
