"""Several witnesses, one list of GPUs."""

from __future__ import annotations

import dataclasses

import pytest
from msgspec.structs import replace

from desktop.core.hardware import Gpu
from desktop.machine.merge import EngineDevice, merge, with_use
from desktop.machine.tables import Tables

TABLES = Tables()
GIB = 1 << 30
CARD = Gpu(name="NVIDIA GeForce RTX 3090", vendor="nvidia", total_bytes=24 * GIB, free_bytes=20 * GIB, probe="nvml")


def device(name: str, description: str, backend: str, kind: str = "gpu", total: int = 24 * GIB) -> EngineDevice:
    return EngineDevice(name, description, backend, kind, total, total // 2)


def at(found: EngineDevice, address: str) -> EngineDevice:
    return dataclasses.replace(found, device_id=address)


def test_card_seen_by_probe_and_two_backends_is_one() -> None:
    devices = [
        device("CUDA0", "NVIDIA GeForce RTX 3090", "CUDA"),
        device("Vulkan0", "NVIDIA GeForce RTX 3090 (NVIDIA)", "Vulkan"),
        device("CPU", "AMD Ryzen", "CPU", "cpu"),
    ]
    (gpu,) = merge([CARD], devices, TABLES)
    assert gpu.engine_devices == ("CUDA0", "Vulkan0")
    assert (gpu.probe, gpu.free_bytes) == ("nvml", 20 * GIB)


def test_equal_cards_are_told_apart_by_order() -> None:
    devices = [device(f"CUDA{n}", "NVIDIA GeForce RTX 3090", "CUDA") for n in range(3)]
    gpus = merge([CARD, CARD], devices, TABLES)
    assert [gpu.engine_devices for gpu in gpus] == [("CUDA0",), ("CUDA1",), ("CUDA2",)]
    assert gpus[2].probe == "engine (CUDA)"


def test_device_only_the_engine_sees_is_listed_with_what_the_tables_know() -> None:
    (gpu,) = merge([], [device("Vulkan0", "AMD Radeon RX 7900 XTX (RADV NAVI31)", "Vulkan")], TABLES)
    assert (gpu.vendor, gpu.probe) == ("amd", "engine (Vulkan)")
    assert gpu.engine_devices == ("Vulkan0",)
    assert (gpu.architecture, gpu.bandwidth_bytes_per_second) == ("rdna3", 960e9)


def test_equal_cards_in_another_order_are_known_by_their_address() -> None:
    first = replace(CARD, device_id="0000:01:00.0", free_bytes=1 * GIB)
    second = replace(CARD, device_id="0000:41:00.0")
    devices = [
        at(device("CUDA0", CARD.name, "CUDA"), "0000:41:00.0"),
        at(device("CUDA1", CARD.name, "CUDA"), "0000:01:00.0"),
        at(device("Vulkan0", f"{CARD.name} (NVIDIA)", "Vulkan"), "0000:01:00.0"),
    ]
    busy, idle = merge([first, second], devices, TABLES)
    assert (busy.engine_devices, busy.free_bytes) == (("CUDA1", "Vulkan0"), 1 * GIB)
    assert (idle.engine_devices, idle.free_bytes) == (("CUDA0",), 20 * GIB)


def test_card_that_the_probe_and_the_engine_name_differently_is_one_row() -> None:
    probed = Gpu(name="AMD GPU 1586:C1", total_bytes=52 * GIB, shared_memory=True, device_id="0000:c1:00.0")
    seen = at(device("Vulkan0", "Radeon 8060S Graphics (RADV STRIX_HALO)", "Vulkan", "igpu"), "0000:c1:00.0")
    (gpu,) = merge([probed], [seen], TABLES)
    assert gpu.engine_devices == ("Vulkan0",)


def test_gpu_of_unknown_memory_has_the_engines_and_is_no_second_row() -> None:
    silent = Gpu(name="NVIDIA GeForce RTX 3090", vendor="nvidia", probe="nvml")
    (gpu,) = merge([silent], [device("CUDA0", "NVIDIA GeForce RTX 3090", "CUDA")], TABLES)
    assert (gpu.total_bytes, gpu.free_bytes, gpu.shared_memory) == (24 * GIB, 12 * GIB, False)


def test_instance_of_a_divided_card_that_no_probe_saw_takes_the_cards_row() -> None:
    silent = Gpu(name="NVIDIA H100 80GB HBM3", probe="nvml", bandwidth_bytes_per_second=3.3e12)
    (gpu,) = merge([silent], [device("CUDA0", "NVIDIA H100 80GB HBM3 MIG 1g.10gb", "CUDA", total=10 * GIB)], TABLES)
    assert (gpu.name, gpu.total_bytes) == ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", 10 * GIB)
    assert gpu.bandwidth_bytes_per_second is None


def test_what_the_driver_tells_the_engine_of_a_chip_that_the_probe_did_not_know() -> None:
    probed = Gpu(name="AMD Radeon Graphics", total_bytes=512 << 20, free_bytes=256 << 20, probe="sysfs")
    (gpu,) = merge([probed], [device("Vulkan0", "AMD Radeon Graphics (RADV NEW)", "Vulkan", "igpu", 16 * GIB)], TABLES)
    assert (gpu.shared_memory, gpu.total_bytes) == (True, 16 * GIB)


def test_metal_knows_the_limit_of_shared_memory_better() -> None:
    probed = Gpu(name="Apple M3 Max (40-core GPU)", vendor="apple", total_bytes=48 * GIB, shared_memory=True)
    (gpu,) = merge([probed], [device("MTL0", "Apple M3 Max", "MTL", total=52 * GIB)], TABLES)
    assert (gpu.total_bytes, gpu.free_bytes) == (52 * GIB, 26 * GIB)
    assert (gpu.architecture, gpu.bandwidth_bytes_per_second) == ("m3", 400e9)


def test_what_the_card_measured_of_itself_is_not_replaced_by_the_table() -> None:
    known = Gpu(
        name="NVIDIA GeForce RTX 4090",
        compute_capability="8.9",
        bandwidth_bytes_per_second=1.1e12,
        bandwidth_source="NVML",
    )
    (gpu,) = merge([known], [], TABLES)
    assert (gpu.bandwidth_bytes_per_second, gpu.bandwidth_source) == (1.1e12, "NVML")
    assert (gpu.vendor, gpu.architecture) == ("nvidia", "ada")


def test_intel_arc_and_integrated_graphics() -> None:
    arc, uhd = merge(
        [],
        [
            device("Vulkan0", "Intel(R) Arc(tm) B580 Graphics (BMG G21)", "Vulkan"),
            device("Vulkan1", "Intel(R) UHD Graphics 770 (ADL-S GT1)", "Vulkan", "igpu"),
        ],
        TABLES,
    )
    assert (arc.vendor, arc.architecture, arc.shared_memory) == ("intel", "arc", False)
    assert (uhd.vendor, uhd.architecture, uhd.shared_memory) == ("intel", "", True)


@pytest.mark.parametrize(
    ("device", "kind"),
    [
        (EngineDevice("Vulkan0", "llvmpipe (LLVM 15.0.6, 256 bits)", "Vulkan", "gpu", GIB, GIB), "software"),
        (EngineDevice("Vulkan0", "SwiftShader Device (LLVM 10.0.0)", "Vulkan", "gpu", GIB, GIB), "software"),
        (EngineDevice("Vulkan0", "Some driver", "Vulkan", "gpu", GIB, GIB, software=True), "software"),
        (EngineDevice("Vulkan0", "AMD Radeon Graphics (RADV)", "Vulkan", "igpu", GIB, GIB), "integrated"),
        (EngineDevice("RPC0", "10.0.0.2:50052", "RPC", "gpu", GIB, GIB), "remote"),
        (EngineDevice("Vulkan0", "AMD Radeon RX 7900 XTX (RADV NAVI31)", "Vulkan", "gpu", GIB, GIB), "discrete"),
    ],
)
def test_the_kind_of_a_device(device: EngineDevice, kind: str) -> None:
    (gpu,) = merge([], [device], TABLES)
    assert (gpu.kind, gpu.is_software) == (kind, kind == "software")


def test_a_card_says_who_reaches_it_and_who_holds_its_memory() -> None:
    probed = Gpu("NVIDIA GeForce RTX 4070", "nvidia", 12 * GIB, 9 * GIB, probe="nvml")
    devices = [
        EngineDevice("CUDA0", "NVIDIA GeForce RTX 4070", "CUDA", "gpu", 12 * GIB, 9 * GIB),
        EngineDevice("Vulkan0", "NVIDIA GeForce RTX 4070", "Vulkan", "gpu", 12 * GIB, 9 * GIB, computes=("FP16",)),
    ]
    (gpu,) = merge([probed], devices, TABLES)
    assert (gpu.engine_devices, gpu.backends) == (("CUDA0", "Vulkan0"), ("CUDA", "Vulkan"))
    assert (gpu.kind, gpu.computes) == ("discrete", ("FP16",))
    assert (gpu.held_bytes, gpu.held_by_others_bytes) == (3 * GIB, 3 * GIB)
    assert with_use(gpu, 2 * GIB).held_by_others_bytes == 1 * GIB
