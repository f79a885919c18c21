"""Computers for "what if I had that one": common graphics cards and Apple chips as machine values.

Memory sizes come from ``resources/data/devices.csv``, bandwidths and architectures from ``bandwidth.csv``.
What such a computer has besides is assumed and said in its ``notes``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from desktop.core.hardware import Cpu, Gpu, Machine, Memory
from desktop.core.units import human_bytes

DeviceKind = Literal["gpu", "unified", "apple"]

GIB = 1 << 30
ASSUMED = "assumed"  # in the place of the probe that saw a GPU
DISPLAY_BYTES = 512 << 20  # what a desktop holds of a graphics card's memory
# What system and programs hold of main memory: whole tenths of a GB, the difference of the figures that are shown.
SYSTEM_BYTES = 4_300_000_000
HOST_MEMORY_BYTES = 32 * GIB
_TENTH = 100_000_000
_SYSTEM, _DISPLAY = human_bytes(SYSTEM_BYTES), human_bytes(DISPLAY_BYTES)
HOST_BANDWIDTH = 89.6e9  # bytes per second: dual channel DDR5-5600, bandwidth.csv
_KEPT_SHARE = 0.01  # of a card's memory, at most, that its driver keeps

# What Metal lets the GPU take, as desktop.machine.gpu_apple.default_limit has it with its sources.
_METAL_SHARE, _METAL_SHARE_LARGE, _METAL_LARGE = 2 / 3, 3 / 4, 32 * GIB


@dataclass(frozen=True)
class Device:
    """A product with one of the memory sizes it is sold with. Bandwidth in bytes per second."""

    name: str
    kind: DeviceKind
    memory_bytes: int
    bandwidth_bytes_per_second: float
    architecture: str
    source: str

    @property
    def vendor(self) -> str:
        if self.kind == "apple":
            return "apple"
        return "amd" if self.name.startswith(("Radeon", "MI", "Strix")) else "nvidia"

    @property
    def title(self) -> str:
        """Name and memory, as a person would say it: ``GeForce RTX 4060 8 GB``."""
        prefix = "Apple " if self.kind == "apple" else ""
        return f"{prefix}{self.name} {self.memory_bytes // GIB} GB"


def sold_as(total_bytes: int, *, nearly: bool = False) -> int | None:
    """The GB (binary ones) that memory of this size is sold as; None where it is no whole number of them.

    ``nearly``: also within 1%, since drivers keep a little of a card for themselves.
    """
    whole = round(total_bytes / GIB)
    off = abs(total_bytes - whole * GIB)
    return whole if whole and (off == 0 or (nearly and off < _KEPT_SHARE * total_bytes)) else None


def devices_from_rows(rows: Sequence[Mapping[str, str]], bandwidths: Sequence[Mapping[str, str]]) -> tuple[Device, ...]:
    """Rows of ``devices.csv`` with those of ``bandwidth.csv``, one device per memory size.

    ValueError for a device without a bandwidth.
    """
    known = {name: row for row in bandwidths for name in row["names"].split("|")}
    devices = []
    for row in rows:
        found = known.get(row["name"])
        if found is None:
            raise ValueError(f"no bandwidth for {row['name']}")
        devices += [
            Device(
                row["name"],
                cast(DeviceKind, row["kind"]),
                int(size) * GIB,
                float(found["gb_per_s"]) * 1e9,
                found["architecture"],
                f"{row['source']}; {found['source']}",
            )
            for size in row["memory_gib"].split("|")
        ]
    return tuple(devices)


def machine_with(device: Device, count: int = 1) -> Machine:
    """An otherwise ordinary, idle computer with ``count`` of a device."""
    if device.kind == "gpu":
        return _with_cards(device, count)
    return _unified(device)


def _with_cards(device: Device, count: int) -> Machine:
    backend = "ROCm" if device.vendor == "amd" else "CUDA"
    gpus = tuple(
        Gpu(
            device.name,
            vendor=device.vendor,
            total_bytes=device.memory_bytes,
            free_bytes=device.memory_bytes - DISPLAY_BYTES,
            bandwidth_bytes_per_second=device.bandwidth_bytes_per_second,
            bandwidth_source=device.source,
            probe=ASSUMED,
            architecture=device.architecture,
            engine_devices=(f"{backend}{number}",),
        )
        for number in range(count)
    )
    return Machine(
        Cpu("8-core processor", "x86_64", 8, 16, ("AVX2", "F16C", "FMA")),
        Memory(HOST_MEMORY_BYTES, HOST_MEMORY_BYTES - SYSTEM_BYTES, HOST_BANDWIDTH),
        gpus,
        notes=(
            f"Assumed: 8 cores, {human_bytes(HOST_MEMORY_BYTES)} of dual channel DDR5-5600, {_SYSTEM} of it in use, "
            f"{_DISPLAY} of each card in use.",
        ),
        system="What if",
    )


def _unified(device: Device) -> Machine:
    total, bandwidth = device.memory_bytes, device.bandwidth_bytes_per_second
    apple = device.kind == "apple"
    share = _METAL_SHARE if total <= _METAL_LARGE else _METAL_SHARE_LARGE
    usable = int(total * share)
    free = min(usable, total - SYSTEM_BYTES)
    gpu = Gpu(
        f"Apple {device.name}" if apple else device.name,
        vendor=device.vendor,
        total_bytes=usable,
        free_bytes=free,
        bandwidth_bytes_per_second=bandwidth,
        bandwidth_source=device.source,
        probe=ASSUMED,
        architecture=device.architecture,
        shared_memory=True,
        engine_devices=("MTL0" if apple else "Vulkan0",),
    )
    cpu = Cpu(device.name, "arm64", 8, 8, ("NEON", "DOTPROD")) if apple else Cpu("16-core processor", "x86_64", 16, 32)
    return Machine(
        cpu,
        Memory(total, total - SYSTEM_BYTES, bandwidth),
        (gpu,),
        notes=(
            f"Assumed: {human_bytes(total)} of memory, {_SYSTEM} of it in use; the GPU may take {share:.0%} of all.",
        ),
        system="What if",
    )


def machine_of_sizes(own: Machine, ram_bytes: int, vram_bytes: int) -> Machine:
    """This computer's processor with so much memory, and a card with so much of its own where that is not 0.

    How quick that card is, is not known, so no speed on it can be told.
    """
    card = Gpu(
        "Graphics card",
        total_bytes=vram_bytes,
        free_bytes=max(0, vram_bytes - DISPLAY_BYTES),
        probe=ASSUMED,
    )
    used = min(SYSTEM_BYTES, ram_bytes // 2 // _TENTH * _TENTH)
    of_card = f", {_DISPLAY} of the card in use" if vram_bytes else ""
    return Machine(
        own.cpu,
        Memory(ram_bytes, ram_bytes - used, own.memory.bandwidth_bytes_per_second),
        (card,) if vram_bytes else (),
        notes=(
            f"Assumed: this computer's processor and speed of memory; {human_bytes(ram_bytes)} of memory, "
            f"{human_bytes(used)} of it in use{of_card}.",
        ),
        system="What if",
        reserves=own.reserves,
    )
