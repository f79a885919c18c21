"""The memory of a load before it happens: weights, KV cache, recurrent state, compute buffers and output rows."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.core.memory.cache import default_context, kv_bytes, recurrent_bytes
from desktop.core.memory.compute import compute_bytes
from desktop.core.memory.settings import RAM, Settings, Split
from desktop.core.memory.shape import ModelShape
from desktop.core.memory.weights import Weights


@dataclass(frozen=True)
class DeviceMemory:
    """What one device holds; bytes. ``device`` 0 is main memory."""

    device: int
    weights_bytes: int = 0
    kv_bytes: int = 0
    recurrent_bytes: int = 0
    compute_bytes: int = 0
    output_bytes: int = 0

    @property
    def total_bytes(self) -> int:
        return self.weights_bytes + self.kv_bytes + self.recurrent_bytes + self.compute_bytes + self.output_bytes


@dataclass(frozen=True)
class Memory:
    """What a load takes, device by device; bytes. The sums over all devices are properties."""

    devices: tuple[DeviceMemory, ...]

    @property
    def weights_bytes(self) -> int:
        return sum(device.weights_bytes for device in self.devices)

    @property
    def kv_bytes(self) -> int:
        return sum(device.kv_bytes for device in self.devices)

    @property
    def recurrent_bytes(self) -> int:
        return sum(device.recurrent_bytes for device in self.devices)

    @property
    def compute_bytes(self) -> int:
        return sum(device.compute_bytes for device in self.devices)

    @property
    def output_bytes(self) -> int:
        return sum(device.output_bytes for device in self.devices)

    @property
    def total_bytes(self) -> int:
        return sum(device.total_bytes for device in self.devices)


def estimate(shape: ModelShape, weights: Weights, settings: Settings, split: Split | None = None) -> Memory:
    """The memory of a load by formulas; ``split`` None keeps everything in main memory.

    ``settings.gpu_layers`` and ``cpu_expert_layers`` are not looked at: ``split`` says where things are.
    """
    split = split or Split.in_ram(shape)
    context = settings.context or default_context(shape)
    compute = compute_bytes(shape, context, settings, split)
    return Memory(
        tuple(
            DeviceMemory(
                device=device,
                weights_bytes=weights_on(device, weights, split),
                kv_bytes=sum(
                    kv_bytes(shape, i, context, settings.kv_type, flash_attention=settings.flash_attention)
                    for i in range(shape.layer_count)
                    if split.layers[i] == device
                ),
                recurrent_bytes=sum(
                    recurrent_bytes(shape, i) for i in range(shape.layer_count) if split.layers[i] == device
                ),
                compute_bytes=compute[device],
                output_bytes=4 * shape.vocabulary if device == RAM else 0,
            )
            for device in range(split.devices)
        )
    )


def weights_on(device: int, weights: Weights, split: Split) -> int:
    """Bytes of the tensors a device holds; a tied output on a GPU is a second copy of the embedding."""
    total = weights.input_bytes if device == RAM else 0
    for i, (size, routed) in enumerate(zip(weights.layers, weights.experts, strict=True)):
        moved = routed if i < split.experts_in_ram and split.layers[i] != RAM else 0
        total += size - moved if split.layers[i] == device else 0
        total += moved if device == RAM else 0
    if split.output == device:
        total += weights.output_bytes + (weights.tied_bytes if device != RAM else 0)
    return total
