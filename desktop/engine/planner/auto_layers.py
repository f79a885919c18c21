"""How many layers to put on the GPUs when nobody says: as many as the engine's own plan fits into what is free."""

from __future__ import annotations

import mmap
from pathlib import Path

import psutil

from desktop.core.errors import HeftError
from desktop.core.gguf import BytesSource, read_header
from desktop.core.memory import RAM, Memory, Settings, shape_of, weights_of
from desktop.core.placement import Pool, settle
from desktop.engine.llama import devices
from desktop.engine.mapping import model_files
from desktop.engine.planner.dry_run import DryRun
from desktop.engine.planner.plan_records import Variant, memory_of
from desktop.engine.worker.protocol import Load


def planned_layers(request: Load) -> tuple[int, int] | None:
    """GPU layers (the output counts as one) and layers whose experts stay in main memory; None without a plan.

    (0, 0) without a GPU, and where even no layer fits.
    """
    free = {device.name: device.free_bytes for device in devices() if device.kind in ("gpu", "igpu")}
    if not free:
        return 0, 0
    dry_run = DryRun(request.path)
    try:
        return _most(request, dry_run, free)
    except (HeftError, OSError, ValueError, _RefusedError):
        return None
    finally:
        dry_run.close()


class _RefusedError(Exception):
    """llama.cpp does not plan this model."""


def _most(request: Load, dry_run: DryRun, free: dict[str, int]) -> tuple[int, int] | None:
    headers = [read_header(_mapped(path)) for path in model_files(Path(request.path))]
    shape = shape_of(headers[0])
    if shape is None:
        return None
    weights = weights_of(headers, shape)

    def planned(context: int, gpu_layers: int, experts: int) -> Memory:
        variant = Variant(context, request.kv_type, request.flash_attention, gpu_layers, experts)
        plan = dry_run.plan(variant)
        if plan.refused:
            raise _RefusedError(plan.refused)
        return memory_of(plan, shape, weights, variant)

    settings = Settings(request.context_length, request.kv_type)
    planned(request.context_length or 512, 0, 0)  # tells the devices' order
    ram = psutil.virtual_memory().available
    kept = request.reserves
    pools = [Pool(RAM, "main memory", max(0, ram - kept.ram_bytes), kept.ram_bytes)]
    for number, name in enumerate(dry_run.devices, 1):
        pools.append(Pool(number, name, max(0, free.get(name, 0) - kept.gpu_bytes), kept.gpu_bytes))
    fit = settle(planned, shape, settings, tuple(pools), has_experts=any(weights.experts), longest=False)
    return fit.gpu_layers, fit.cpu_expert_layers


def _mapped(path: Path) -> BytesSource:
    """A file as it lies on disk; the map lives as long as views of it."""
    with path.open("rb") as file:
        return BytesSource(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
