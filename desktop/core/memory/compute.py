"""The compute buffers: what the results of a graph take that are alive at the same time, while a batch is read.

This is the engine's own allocator and its division among devices replayed on the engine's own graph (``replay``,
``graphs``), and exact for the architectures described there; without flash attention within a tenth.
"""

from __future__ import annotations

from functools import lru_cache

from desktop.core.hardware import RAM
from desktop.core.load_settings import FlashAttention
from desktop.core.memory.blocks import Builder, Step
from desktop.core.memory.cache import BATCH
from desktop.core.memory.graphs import build
from desktop.core.memory.shape import Layer, ModelShape
from desktop.core.memory.split import Split

_NEEDS_NO_FLASH = frozenset(("f16", "f32", "bf16"))  # types of values that are read without flash attention
_REPEATS = 3  # layers of one kind that are built: freed blocks have settled by then
_REPEATS_ON_GPU = 2  # beside layers elsewhere: a slider asks for many divisions


def compute_bytes(
    shape: ModelShape,
    context: int,
    kv_types: tuple[str, str],
    flash_attention: FlashAttention | None,
    split: Split,
    slots: int = 1,
    batch: int = BATCH,
) -> list[int]:
    """Bytes of the compute buffer of each device, by its number; ``batch`` tokens are read at once."""
    built = steps(shape, split)
    flash = flash_attention != "off"
    about = built, split.output, split.devices, slots, batch
    found, displaced = _sizes(shape, context, kv_types, flash, not flash, *about)
    if displaced and flash_attention in (None, "auto") and kv_types[1] in _NEEDS_NO_FLASH:
        found, _ = _sizes(shape, context, kv_types, False, False, *about)
    return list(found)


def steps(shape: ModelShape, split: Split) -> tuple[Step, ...]:
    """The layers that are built: on each device those up to the second or third of each kind, and the last of all."""
    found: list[Step] = []
    run: list[Step] = []
    for number, layer in enumerate(shape.layers):
        device = split.layers[number] if number < len(split.layers) else split.output
        if run and run[-1].device != device:
            found += _first(run)
            run = []
        run.append(Step(layer, device, RAM if number < split.experts_in_ram else device))
    last = _first(run, alone=not found)
    if len(last) < len(run):
        last.append(run[-1])
    return (*found, *last)


def _first(run: list[Step], *, alone: bool = False) -> list[Step]:
    repeats = _REPEATS if alone or run[0].device == RAM else _REPEATS_ON_GPU
    seen: dict[tuple[Layer, int], int] = {}
    end = 0
    for number, step in enumerate(run):
        kind = (step.layer, step.experts)
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] <= repeats:
            end = number + 1
    return run[:end]


@lru_cache(maxsize=1024)
def _sizes(
    shape: ModelShape,
    context: int,
    kv_types: tuple[str, str],
    flash_attention: bool,
    transposed: bool,
    built: tuple[Step, ...],
    output: int,
    devices: int,
    slots: int,
    batch: int,
) -> tuple[tuple[int, ...], bool]:
    """The buffers, and whether attention was moved away from its layer; the same for all variants of a repo."""
    builder = Builder(
        shape, context, kv_types, flash_attention, built, output, devices,
        transposed=transposed, rows=slots, batch=batch,
    )  # fmt: skip
    whole = build(builder)
    return tuple(builder.sizes or [whole] * devices), builder.displaced
