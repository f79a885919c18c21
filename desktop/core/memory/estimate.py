"""The memory of a load before it happens: weights, KV cache, recurrent state, compute buffers and output rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from desktop.core.hardware import RAM
from desktop.core.load_settings import LoadSettings
from desktop.core.memory.cache import BATCH, CHECKPOINTS, cells, context_of, kv_bytes, recurrent_bytes
from desktop.core.memory.compute import compute_bytes
from desktop.core.memory.shape import ModelShape
from desktop.core.memory.split import Split
from desktop.core.memory.weights import Weights


@dataclass(frozen=True)
class DeviceMemory:
    """What one device holds; bytes. ``device`` 0 is main memory; ``draft_bytes`` is all that speculation takes,
    ``projector_bytes`` what lets the model see or hear. ``picture_bytes`` is what the largest picture takes while it is
    read; a load does not take it yet.

    ``layers`` are those it computes, the output counted as one. ``checkpoint_bytes`` is what the server may keep, once
    a conversation is long, of states that cannot be rolled back (sliding windows, recurrent layers); a load does not
    take it yet.
    """

    device: int
    weights_bytes: int = 0
    kv_bytes: int = 0
    recurrent_bytes: int = 0
    compute_bytes: int = 0
    output_bytes: int = 0
    draft_bytes: int = 0
    projector_bytes: int = 0
    picture_bytes: int = 0
    checkpoint_bytes: int = 0
    layers: int = 0

    @property
    def loaded_bytes(self) -> int:
        """As soon as the model is loaded."""
        main = self.weights_bytes + self.kv_bytes + self.recurrent_bytes + self.compute_bytes + self.output_bytes
        return main + self.draft_bytes + self.projector_bytes

    @property
    def total_bytes(self) -> int:
        return self.loaded_bytes + self.picture_bytes + self.checkpoint_bytes


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
    def draft_bytes(self) -> int:
        return sum(device.draft_bytes for device in self.devices)

    @property
    def projector_bytes(self) -> int:
        return sum(device.projector_bytes for device in self.devices)

    @property
    def picture_bytes(self) -> int:
        return sum(device.picture_bytes for device in self.devices)

    @property
    def checkpoint_bytes(self) -> int:
        return sum(device.checkpoint_bytes for device in self.devices)

    @property
    def loaded_bytes(self) -> int:
        return sum(device.loaded_bytes for device in self.devices)

    @property
    def total_bytes(self) -> int:
        return sum(device.total_bytes for device in self.devices)

    def with_projector(self, gpu_layers: int, projector_bytes: int, picture_bytes: int) -> Memory:
        """With a projector, and what the largest picture takes: on the first GPU where layers are, else in main memory
        (tools/mtmd and common/arg.cpp of llama.cpp, ``--mmproj-offload``).
        """
        device = RAM + 1 if gpu_layers else RAM
        mine = {known.device: known for known in self.devices}
        before = mine.get(device, DeviceMemory(device))
        held = replace(before, projector_bytes=projector_bytes, picture_bytes=picture_bytes)
        return Memory(tuple(held if number == device else mine[number] for number in sorted(mine | {device: held})))

    def with_draft(self, draft: Memory, more_bytes: int) -> Memory:
        """With all that a draft model takes, device by device, and ``more_bytes`` of main memory beside it."""
        theirs = {device.device: device for device in draft.devices}
        mine = {device.device: device for device in self.devices}

        def both(number: int) -> DeviceMemory:
            own, other = mine.get(number, DeviceMemory(number)), theirs.get(number, DeviceMemory(number))
            return replace(
                own,
                draft_bytes=other.loaded_bytes + (more_bytes if number == RAM else 0),
                checkpoint_bytes=own.checkpoint_bytes + other.checkpoint_bytes,
            )

        return Memory(tuple(both(number) for number in sorted(mine | theirs | {RAM: None})))


def estimate(shape: ModelShape, weights: Weights, settings: LoadSettings, split: Split | None = None) -> Memory:
    """The memory of a load by formulas; ``split`` None keeps everything in main memory.

    ``settings.gpu_layers`` and ``cpu_expert_layers`` are not looked at: ``split`` says where things are.
    """
    split = split or Split.in_ram(shape)
    context, slots = context_of(settings, shape), settings.slots or 1
    batch = settings.batch or BATCH
    kv, states = _layer_sizes(shape, context, settings.kv_types, settings.flash, batch)
    compute = compute_bytes(shape, context, settings.kv_types, settings.flash_attention, split, slots, batch)
    stored = weights_on(weights, split)
    checkpoints = checkpoint_bytes(shape, context, settings.kv_types, flash_attention=settings.flash, batch=batch)
    held = [[0, 0] for _ in range(split.devices)]
    for layer, keys_and_values, state in zip(split.layers, kv, states, strict=False):
        device = RAM if settings.cache_in_ram else layer
        held[device][0] += slots * keys_and_values
        held[device][1] += slots * state
    return Memory(
        tuple(
            DeviceMemory(
                device=device,
                weights_bytes=stored[device],
                kv_bytes=held[device][0],
                recurrent_bytes=held[device][1],
                compute_bytes=compute[device],
                output_bytes=4 * slots * shape.vocabulary if device == RAM else 0,
                checkpoint_bytes=slots * checkpoints if device == RAM else 0,
                layers=split.count(device),
            )
            for device in range(split.devices)
        )
    )


def checkpoint_bytes(
    shape: ModelShape,
    context: int,
    kv_types: tuple[str, str] = ("f16", "f16"),
    *,
    flash_attention: bool = True,
    batch: int = BATCH,
) -> int:
    """The most that the server's checkpoints take, always in main memory: each holds all recurrent states, and what is
    in the window of the layers that slide one.

    Source: llama.cpp 0c1e57098, ``tools/server/server-context.cpp`` (create_checkpoint, with
    LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY) and ``src/llama-kv-cache.cpp`` (state_write leaves out what is masked).
    """
    kv, states = _layer_sizes(shape, context, kv_types, flash_attention, batch)
    windowed = sum(
        size * min(layer.window, context) // cells(shape, i, context, batch)
        for i, (size, layer) in enumerate(zip(kv, shape.layers, strict=False))
        if layer.window
    )
    return CHECKPOINTS * (windowed + sum(states))


@lru_cache(maxsize=256)
def _layer_sizes(
    shape: ModelShape, context: int, kv_types: tuple[str, str], flash_attention: bool, batch: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Cache and state of each layer; the same for every variant of a repo."""
    layers = range(shape.layer_count)
    kv = tuple(kv_bytes(shape, i, context, kv_types, flash_attention=flash_attention, batch=batch) for i in layers)
    return kv, tuple(recurrent_bytes(shape, i) for i in layers)


def weights_on(weights: Weights, split: Split) -> list[int]:
    """Bytes of the tensors each device holds; a tied output on a GPU is a second copy of the embedding."""
    found = [0] * split.devices
    found[RAM] = weights.input_bytes
    for number, size in enumerate(weights.layers):
        found[split.layers[number] if number < len(split.layers) else split.output] += size
    for device, routed in zip(split.layers[: split.experts_in_ram], weights.experts, strict=False):
        found[device] -= routed
        found[RAM] += routed
    found[split.output] += weights.output_bytes + (weights.tied_bytes if split.output != RAM else 0)
    return found
