"""What the page Machine and the report tell a newcomer of his graphics: as probes and engines see real ones."""

from __future__ import annotations

import msgspec
import pytest

from desktop.core.hardware import Cpu, EngineInfo, Gpu, Machine, Memory
from desktop.machine.gpu_apple import default_limit
from desktop.machine.merge import EngineDevice, merge
from desktop.machine.tables import Tables
from desktop.services.machine.graphics_words import graphics_words
from desktop.services.machine.report import report

GIB = 1 << 30
RTX_4070 = Gpu(
    "NVIDIA GeForce RTX 4070", "nvidia", 12282 << 20, 11 * GIB, "8.9", 504e9, probe="nvml", device_id="0000:01:00.0"
)
RTX_3050 = Gpu(
    "NVIDIA GeForce RTX 3050", "nvidia", 8192 << 20, 8 * GIB, "8.6", 224e9, probe="nvml", device_id="0000:02:00.0"
)
RX_7600 = Gpu(
    "AMD Radeon RX 7600", "amd", 8176 << 20, 8 * GIB, probe="sysfs", target="gfx1102", device_id="0000:03:00.0"
)
M2 = Gpu("Apple M2 (10-core GPU)", "apple", default_limit(16 * GIB), probe="system_profiler", shared_memory=True)


def vulkan(name: str, address: str = "", total: int = 8 * GIB, kind: str = "gpu", number: int = 0) -> EngineDevice:
    return EngineDevice(f"Vulkan{number}", name, "Vulkan", kind, total, total, address)


def wholly(size: str, cards: str, more: str) -> str:
    return f"Models of up to {size} run wholly on {cards}{more}; larger ones are shared with the processor, slower."


def shares(name: str, size: str) -> str:
    said = f"{name} shares main memory with the processor: models of up to {size} run on it, "
    return f"{said}mostly quicker at reading a question, about as quick at answering."


FOUND: dict[str, tuple[tuple[Gpu, ...], tuple[EngineDevice, ...], str]] = {
    "none": ((), (), "Models run on the processor."),
    "lavapipe": (
        (),
        (vulkan("llvmpipe (LLVM 15.0.6, 256 bits)"),),
        "llvmpipe (LLVM 15.0.6, 256 bits) is no card but a graphics driver in software. Models run on the processor.",
    ),
    "RTX 4070": (
        (RTX_4070,),
        (vulkan("NVIDIA GeForce RTX 4070", "0000:01:00.0"),),
        wholly("12.3 GB", "NVIDIA GeForce RTX 4070", ", whose memory is 10 times as quick as main memory"),
    ),
    "RTX 4070 beside lavapipe": (
        (RTX_4070,),
        (vulkan("NVIDIA GeForce RTX 4070", "0000:01:00.0"), vulkan("llvmpipe (LLVM 19.1.7, 256 bits)", number=1)),
        wholly("12.3 GB", "NVIDIA GeForce RTX 4070", ", whose memory is 10 times as quick as main memory"),
    ),
    "RTX 4070 without a backend": (
        (RTX_4070,),
        (),
        "No backend of the engine reaches NVIDIA GeForce RTX 4070. Models run on the processor. Settings > Engine adds "
        "a backend.",
    ),
    "RX 7600": (
        (RX_7600,),
        (vulkan("AMD Radeon RX 7600 (RADV NAVI33)", "0000:03:00.0"),),
        wholly("8.0 GB", "AMD Radeon RX 7600", ", whose memory is 6 times as quick as main memory"),
    ),
    "Intel Arc in the processor": (
        (),
        (vulkan("Intel(R) Arc(tm) Graphics (MTL)", total=12 * GIB, kind="igpu"),),
        shares("Intel(R) Arc(tm) Graphics (MTL)", "12.9 GB"),
    ),
    "Apple M2": (
        (M2,),
        (EngineDevice("MTL0", "Apple M2", "MTL", "gpu", default_limit(16 * GIB), default_limit(16 * GIB)),),
        shares("Apple M2 (10-core GPU)", "11.5 GB"),
    ),
    "two unequal cards": (
        (RTX_4070, RTX_3050),
        (
            vulkan("NVIDIA GeForce RTX 4070", "0000:01:00.0"),
            vulkan("NVIDIA GeForce RTX 3050", "0000:02:00.0", number=1),
        ),
        wholly("20.3 GB", "NVIDIA GeForce RTX 4070 and NVIDIA GeForce RTX 3050", " together"),
    ),
    "two equal cards": (
        (RTX_4070, msgspec.structs.replace(RTX_4070, device_id="0000:02:00.0")),
        (
            vulkan("NVIDIA GeForce RTX 4070", "0000:01:00.0"),
            vulkan("NVIDIA GeForce RTX 4070", "0000:02:00.0", number=1),
        ),
        wholly("24.6 GB", "2 × NVIDIA GeForce RTX 4070", " together"),
    ),
}


def machine(name: str) -> Machine:
    """A computer of 16 GiB whose memory is read at 50 GB/s, with this graphics."""
    probed, devices, _ = FOUND[name]
    gpus = merge(probed, devices, Tables())
    memory = Memory(16 * GIB, 12 * GIB, 50e9, "2026-11-01T00:00:00+00:00")
    return Machine(Cpu("A processor"), memory, gpus, engine=EngineInfo("llama.cpp b1", ("Vulkan", "CPU")))


@pytest.mark.parametrize("name", FOUND)
def test_it_is_one_sentence_of_what_models_gain(name: str) -> None:
    assert graphics_words(machine(name)) == FOUND[name][2]
    assert FOUND[name][2] in report(machine(name))


def test_another_computer_s_devices_are_not_promised() -> None:
    lent = Gpu("RTX 4090 of studio", total_bytes=24 * GIB, kind="remote", engine_devices=("RPC0",), worker="studio")
    here = msgspec.structs.replace(machine("none"), gpus=(lent,))
    assert graphics_words(here).startswith("Models run on the processor. Another computer's devices are used for")


def test_a_card_of_what_if_needs_no_backend_and_slow_memory_is_no_promise() -> None:
    card = Gpu("A card", total_bytes=8 * GIB, bandwidth_bytes_per_second=60e9)
    profile = msgspec.structs.replace(machine("none"), gpus=(card,), engine=EngineInfo())
    assert graphics_words(profile).startswith("Models of up to 8.0 GB run wholly on A card; larger ones")
