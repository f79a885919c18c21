"""``heft fit``: memory, placement and speed of one model file, on this computer or another one."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from desktop.cli.fit_text import report
from desktop.cli.model import (
    add_load_arguments,
    devices_document,
    load_settings,
)
from desktop.cli.output import ProgressLine, print_json, print_text
from desktop.cli.ways import ways_document
from desktop.core.kv_quality import kv_quality
from desktop.core.load_settings import KvType, as_document, kv_words
from desktop.core.memory import Memory, resident_bytes
from desktop.core.placement import Method
from desktop.core.speed import Speeds
from desktop.services.container import Container
from desktop.services.discover.elsewhere import suggested
from desktop.services.discover.elsewhere_words import suggestion_words
from desktop.services.machine.what_if import named_machine
from desktop.services.planning.device_words import gpu_words
from desktop.services.planning.service import Weighed
from desktop.services.planning.words import kv_quality_words, warnings
from desktop.services.worker.ways import Way
from desktop.store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SOURCE, the settings of a load, and the machine."""
    parser.add_argument("source", metavar="SOURCE", help="a path, hf:OWNER/REPO/FILE[@REV], or a library name")
    add_load_arguments(parser)
    parser.add_argument(
        "--machine", metavar="PROFILE.json", help="another computer: a profile, or a name such as 'RTX 4070'"
    )
    parser.add_argument("--estimate", action="store_true", help="formulas only; the engine is not asked")


def run(args: argparse.Namespace) -> int:
    """Print how the file fits; exit code 0 also when it is too large."""
    asked = load_settings(args)
    with Container(default_paths()) as container:
        machine = named_machine(args.machine, container.tables, container.machine) if args.machine else None
        line, method = ProgressLine("Weighing"), _method(estimate=args.estimate)
        try:
            found = container.planning.weigh_source(
                args.source,
                asked,
                machine=machine,
                method=method,
                progress=line.show,
            )
            ways = () if machine is not None else container.ways.of_source(args.source, found.plan.asked, method)
        finally:
            line.close()
    if args.json:
        print_json(document(found, ways))
    else:
        better = suggested(found.title, ways)
        print_text(report(found) + (f"\n{suggestion_words(better)}\n" if better else ""), end="")
    return 0


def _method(*, estimate: bool) -> Method:
    return "estimate" if estimate else "engine"


def document(found: Weighed, ways: Sequence[Way] = ()) -> dict[str, Any]:
    """The JSON of the headless contract; ``ways`` are those to run it with other computers."""
    fit, speeds = found.fit, found.plan.speeds
    return {
        "name": found.title,
        "architecture": found.shape.architecture,
        "kind": found.kind,
        "quantization": found.quantization,
        "parameters": found.size.parameters,
        "bits_per_weight": found.size.bits_per_weight,
        "context": fit.context,
        "kv_type": kv_words(fit.kv_types),
        "kv_quality": kv_quality_document(fit.kv_types),
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
        "tokens_per_second": asdict(speeds.full) if speeds else None,
        "context_used": fit.context,
        **speeds_document(speeds),
        "max_context": fit.max_context,
        "trained_context": found.shape.trained_context,
        "band": fit.band,
        "settings": as_document(found.plan.settings),
        "devices": devices_document(found.plan),
        "device_choice": list(gpu_words(fit)),
        "note": found.plan.note,
        "warnings": list(warnings(found.plan)),
        "ways": ways_document(ways),
    }


def kv_quality_document(kv_types: tuple[KvType, KvType]) -> dict[str, Any]:
    """What is known of the quality that these types of the KV cache cost."""
    known = kv_quality(kv_types)
    return {
        "effect": known.effect,
        "kld_high": known.kld_high,
        "words": kv_quality_words(known),
        "source": known.source,
    }


def speeds_document(speeds: Speeds | None) -> dict[str, Any]:
    """The predicted speed with an empty context and with a full one, and that of reading a prompt which fills it;
    null where nothing is known."""
    reading = speeds.prompt if speeds else None
    return {
        "tokens_per_second_empty": asdict(speeds.empty) if speeds else None,
        "tokens_per_second_full": asdict(speeds.full) if speeds else None,
        "speed_method": speeds.method if speeds else None,
        "speed_runs": speeds.runs if speeds else 0,
        "prompt_tokens_per_second_full": asdict(reading) if reading else None,
        "seconds_to_read_full_prompt": speeds.prompt_seconds if speeds else None,
    }


def memory_document(memory: Memory) -> dict[str, Any]:
    """Sums over all devices, and each device's own."""
    return {
        "weights_bytes": memory.weights_bytes,
        "kv_bytes": memory.kv_bytes,
        "recurrent_bytes": memory.recurrent_bytes,
        "compute_bytes": memory.compute_bytes,
        "output_bytes": memory.output_bytes,
        "draft_bytes": memory.draft_bytes,
        "projector_bytes": memory.projector_bytes,
        "picture_bytes": memory.picture_bytes,
        "checkpoint_bytes": memory.checkpoint_bytes,
        "total_bytes": memory.total_bytes,
        "devices": [asdict(device) | {"total_bytes": device.total_bytes} for device in memory.devices],
    }
