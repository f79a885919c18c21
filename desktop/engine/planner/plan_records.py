"""A planned load as values, and as memory per device."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from desktop.core.hardware import RAM
from desktop.core.load_settings import FlashAttention, KvType
from desktop.core.memory import DeviceMemory, Memory, ModelShape, Split, Weights, checkpoint_bytes, weights_on
from desktop.core.memory.cache import BATCH, kv_bytes, recurrent_bytes
from desktop.core.model_kind import Purpose
from desktop.core.speculation import Speculation


class Variant(msgspec.Struct, frozen=True, array_like=True):
    """How a load is planned. ``gpu_layers`` counts the output as one; ``context`` is in tokens.

    ``devices`` are the GPUs to use, as llama.cpp's ``--device`` has them. ``speculation`` changes what the model's own
    context takes; ``mtp_context`` asks for that of its MTP layers instead. ``slots`` conversations have ``context``
    each. ``purpose`` is what the model is loaded for. ``shares`` are those of the GPUs in the layers on them, in their
    order; none: by free memory. ``kv_offload`` False keeps the cache in main memory. ``batch`` tokens are computed at
    once.
    """

    context: int
    cache_type_k: KvType = "f16"
    cache_type_v: KvType = "f16"
    flash_attention: FlashAttention = "auto"
    gpu_layers: int = 0
    cpu_expert_layers: int = 0
    speculation: Speculation = "off"
    mtp_context: bool = False
    devices: str = ""
    slots: int = 1
    purpose: Purpose = "text"
    shares: tuple[float, ...] = ()
    kv_offload: bool = True
    batch: int = BATCH

    @property
    def kv_types(self) -> tuple[KvType, KvType]:
        """Types of the cache's keys and values."""
        return self.cache_type_k, self.cache_type_v


class Plan(msgspec.Struct, frozen=True):
    """What the engine would allocate. Tuples are bytes by device number; 0 is main memory.

    ``kv_bytes`` and ``recurrent_bytes`` are totals; ``kv_devices`` and ``recurrent_devices`` say on which device each
    layer keeps its part. ``layer_devices`` has one number per layer and, last, the output's. ``refused`` holds the
    engine's log when it does not accept the model (``loads`` is False) or the settings; everything else is then empty.
    """

    kv_bytes: int = 0
    recurrent_bytes: int = 0
    compute_bytes: tuple[int, ...] = ()
    output_bytes: tuple[int, ...] = ()
    layer_devices: tuple[int, ...] = ()
    kv_devices: dict[int, int] = {}
    recurrent_devices: dict[int, int] = {}
    gpu_layers: int = 0
    layers: int = 0
    refused: str = ""
    loads: bool = True


def memory_of(
    plan: Plan, shape: ModelShape, weights: Weights, variant: Variant, in_ram: Weights | None = None
) -> Memory:
    """A plan as memory per device: caches are shared out by the layers' sizes, weights are the header's. ``in_ram`` are
    the weights as main memory holds them, where it holds them in another order.
    """
    split = Split(plan.layer_devices[:-1], plan.layer_devices[-1], variant.cpu_expert_layers)
    devices = len(plan.compute_bytes)
    stored = weights_on(weights, split) + [0] * devices  # devices beyond the last that holds a layer
    if in_ram is not None:
        stored[RAM] = weights_on(in_ram, split)[RAM]
    kv = _shared(plan.kv_bytes, plan.kv_devices, devices, lambda i: _kv_bytes(shape, i, variant))
    states = _shared(plan.recurrent_bytes, plan.recurrent_devices, devices, lambda i: recurrent_bytes(shape, i))
    flash = variant.flash_attention != "off"
    kept = checkpoint_bytes(shape, variant.context, variant.kv_types, flash_attention=flash, batch=variant.batch)
    checkpoints = 0 if variant.mtp_context else variant.slots * kept  # the layers that guess attend to all
    return Memory(
        tuple(
            DeviceMemory(
                device=device,
                weights_bytes=stored[device],
                kv_bytes=kv[device],
                recurrent_bytes=states[device],
                compute_bytes=plan.compute_bytes[device],
                output_bytes=plan.output_bytes[device],
                checkpoint_bytes=checkpoints if device == RAM else 0,
                layers=split.count(device),
            )
            for device in range(devices)
        )
    )


def _kv_bytes(shape: ModelShape, layer: int, variant: Variant) -> int:
    """A layer's part of the cache; MTP layers, beyond the model's own, are alike."""
    if layer >= shape.layer_count:
        return 1
    return kv_bytes(shape, layer, variant.context, variant.kv_types, batch=variant.batch)


def _shared(total: int, holders: dict[int, int], devices: int, size: Callable[[int], int]) -> list[int]:
    """A total shared out among devices by the sizes of the layers they hold; what is left goes to main memory."""
    found = [0] * devices
    for layer, device in holders.items():
        found[device] += size(layer)
    whole = sum(found)
    if whole:
        found = [round(total * part / whole) for part in found]
    found[RAM] += total - sum(found)
    return found
