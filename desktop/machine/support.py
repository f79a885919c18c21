"""Which number formats each device of a machine computes: the tables applied to what the probes found."""

from __future__ import annotations

import msgspec

from desktop.core.hardware import Cpu, EngineInfo, FormatSupport, Gpu, Support
from desktop.core.number_formats import describe_support
from desktop.core.words import tr
from desktop.machine.tables import Tables

CPU_DEVICE = "CPU"
_REPORTED = ("FP16", "BF16", "INT8")  # of which the backend speaks, and whose models there are


def number_formats(cpu: Cpu, gpus: tuple[Gpu, ...], engine: EngineInfo, tables: Tables) -> tuple[FormatSupport, ...]:
    """A row for each format and device, the CPU first; equal GPUs share their rows."""
    rows = list(
        describe_support(
            tables.formats,
            tables.rules,
            device=CPU_DEVICE,
            kind="cpu",
            traits=frozenset(cpu.features),
            engine_traits=_compiled(cpu, engine, tables),
        )
    )
    kinds = {rule.kind for rule in tables.rules}
    for name, gpu in {gpu.name: gpu for gpu in gpus}.items():
        known = gpu.vendor in kinds and (bool(gpu.architecture) or gpu.vendor == "intel")
        told = describe_support(
            tables.formats,
            tables.rules,
            device=name,
            kind=gpu.vendor if known else "other",
            traits=frozenset({gpu.architecture} - {""}),
        )
        rows += [_as_reported(row, gpu, known=known) for row in told]
    return tuple(rows)


def _as_reported(row: FormatSupport, gpu: Gpu, *, known: bool) -> FormatSupport:
    """A row with what the engine's backend says of the device, where it does: its word counts for what the engine does
    there, and for the hardware where no table knows that.
    """
    if gpu.computes is None or row.format not in _REPORTED or "CUDA" in gpu.backends:
        return row
    engine: Support = "native" if row.format in gpu.computes else "converted"
    support = row.support if known else engine
    does = "computes it" if engine == "native" else "converts it"
    return msgspec.structs.replace(
        row,
        support=support,
        engine=engine,
        note=f"The engine's {tr(' and ').join(gpu.backends)} backend says that it {does} on this device.",
        source="llama.cpp ggml/src/ggml-vulkan/ggml-vulkan.cpp ggml_vk_print_gpu_info",
    )


def _compiled(cpu: Cpu, engine: EngineInfo, tables: Tables) -> frozenset[str] | None:
    """CPU features the engine uses; None (all) when it uses each one it could report, or is not known."""
    reported = {feature.name for feature in tables.cpu_features if feature.reported_by_engine}
    if not engine.features or reported.intersection(cpu.features) <= set(engine.features):
        return None
    return frozenset(engine.features)
