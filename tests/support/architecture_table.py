"""Every architecture's memory four ways: planned by the engine, loaded by it, by Heft's formulas, by its own fit.

A row is one architecture; its figures are of all ways to load it: in main memory, with all layers on a second device
and with some of them, with a 16-bit and an 8-bit cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from support.architecture_keys import keys_of
from support.forge_architectures import Wanted, forge_architecture
from support.load_tool import Buffers, LoadRequest, Loads

from desktop.core.errors import HeftError
from desktop.core.gguf import BytesSource, Header, read_header
from desktop.core.gguf.skeleton import skeleton
from desktop.core.load_settings import LoadSettings
from desktop.core.memory import Split, estimate, shape_of, weights_of
from desktop.engine.helper_process import Tool
from desktop.engine.planner.plan_records import Plan, Variant, memory_of
from desktop.engine.planner.planner import PlanRequest, Plans

CONTEXT = 4096
DEADLINE_SECONDS = 120.0
IN_RAM = (Variant(CONTEXT), Variant(CONTEXT, "q8_0", "q8_0"))
_ALL, _SOME = 99, 2


def on_a_device() -> tuple[Variant, ...]:
    """All layers, and the last with the output, on a second device, with both caches."""
    return tuple(
        Variant(CONTEXT, one.cache_type_k, one.cache_type_v, gpu_layers=layers)
        for layers in (_ALL, _SOME)
        for one in IN_RAM
    )


@dataclass(frozen=True)
class Compared:
    """Bytes of one way to load a model, all devices together; ``fit`` 0 where it was not asked."""

    variant: Variant
    loaded: int
    planned: int
    formula: int
    fit: int = 0

    @property
    def plan_error(self) -> float:
        """Of the plan against the load, as a part of it."""
        return self.planned / self.loaded - 1

    @property
    def formula_error(self) -> float:
        """Of the formula against the plan, as a part of it; below zero it says too little."""
        return self.formula / self.planned - 1


@dataclass
class Row:
    """One architecture. ``reason`` says why the engine does not load it; ``refused`` which ways it does not offer."""

    architecture: str
    reason: str = ""
    compared: list[Compared] = field(default_factory=list)
    refused: int = 0

    @property
    def loads(self) -> bool:
        return bool(self.compared)

    @property
    def plan_error(self) -> float:
        """The worst of the plan against the load."""
        return max((one.plan_error for one in self.compared), key=abs)

    def formula_errors(self, *, device: bool) -> tuple[float, ...]:
        """Of the formula against the plan, in main memory or with a second device."""
        return tuple(one.formula_error for one in self.compared if bool(one.variant.gpu_layers) == device)


def rows(
    wanted: Sequence[Wanted] | Iterator[Wanted],
    folder: Path,
    planner: Tool[Plans],
    loader: Tool[Loads],
    variants: Sequence[Variant],
    *,
    fit: bool = False,
) -> Iterator[Row]:
    """Forge, plan, load and estimate each architecture; ``fit`` asks llama.cpp's own estimate too."""
    for one in wanted:
        row = Row(one.architecture, one.refused)
        if not one.refused:
            path = forge_architecture(folder / f"{one.architecture}.gguf", one)
            _compare(row, path, planner, loader, variants, fit=fit)
            path.unlink()
        yield row


def header_of(path: Path) -> Header:
    with path.open("rb") as file:
        return read_header(BytesSource(file.read(64 << 20)))


def _compare(
    row: Row, path: Path, planner: Tool[Plans], loader: Tool[Loads], variants: Sequence[Variant], *, fit: bool
) -> None:
    header = header_of(path)
    try:
        loads = loader.call(LoadRequest(str(path), tuple(variants), fit), deadline_seconds=DEADLINE_SECONDS).loads
        model = skeleton([header], keys_of(row.architecture)["vocab_size"])
        plans = planner.call(
            PlanRequest(model.header, model.file_bytes, tuple(variants)), deadline_seconds=DEADLINE_SECONDS
        ).plans
    except HeftError as error:
        row.reason = _said(f"{error.message}\n{error.detail}")
        return
    for variant, load, plan in zip(variants, loads, plans, strict=True):
        assert bool(load.refused) == bool(plan.refused), f"{row.architecture}: {load.refused}{plan.refused}"
        if load.refused:
            row.refused += 1
            row.reason = _said(load.refused)
        else:
            row.compared.append(_compared(header, variant, load, plan))


def _compared(header: Header, variant: Variant, load: Buffers, plan: Plan) -> Compared:
    shape = shape_of(header)
    assert shape is not None
    weights = weights_of([header], shape)
    split = Split(plan.layer_devices[:-1], plan.layer_devices[-1])
    ours = estimate(shape, weights, LoadSettings(variant.context, *variant.kv_types, variant.flash_attention), split)
    planned = memory_of(plan, shape, weights, variant).loaded_bytes
    return Compared(variant, load.total, planned, ours.loaded_bytes, load.fit)


def _said(log: str) -> str:
    """The line that tells why, short: a failed assertion, or the last words of a refusal."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    asserted = [line.partition("GGML_ASSERT")[2] for line in lines if "GGML_ASSERT" in line]
    if asserted:
        return f"the engine's own check ends it: {asserted[-1].removesuffix(' failed')}"
    return lines[-1].rpartition(": ")[2][:120] if lines else "ended without a word"
