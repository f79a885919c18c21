"""Which number formats each device of a machine computes: the tables applied to what the probes found."""

from __future__ import annotations

from desktop.core.hardware import Cpu, EngineInfo, FormatSupport, Gpu
from desktop.core.number_formats import describe_support
from desktop.machine.tables import Tables

CPU_DEVICE = "CPU"


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
        rows += describe_support(
            tables.formats,
            tables.rules,
            device=name,
            kind=gpu.vendor if known else "other",
            traits=frozenset({gpu.architecture} - {""}),
        )
    return tuple(rows)


def _compiled(cpu: Cpu, engine: EngineInfo, tables: Tables) -> frozenset[str] | None:
    """CPU features the engine uses; None (all) when it uses each one it could report, or is not known."""
    reported = {feature.name for feature in tables.cpu_features if feature.reported_by_engine}
    if not engine.features or reported.intersection(cpu.features) <= set(engine.features):
        return None
    return frozenset(engine.features)
