"""The engine's memory: the real process's figures, and VRAM only where the engine can use a GPU."""

from __future__ import annotations

import os

import psutil
import pytest

from desktop.core.hardware import Gpu
from desktop.engine.api import Hello
from desktop.engine.device_records import Device
from desktop.machine.report import ProbeReport
from desktop.services.engine import memory as engine_memory
from desktop.services.engine.memory import EngineMemoryReader

CPU = Device("CPU", "a CPU", "CPU", "cpu", 25_000_000_000, 20_000_000_000)
CUDA = Device("CUDA0", "RTX 4060", "CUDA", "gpu", 8_000_000_000, 7_000_000_000)


def hello(*devices: Device) -> Hello:
    return Hello("0", (), (), devices, ())


def two_gpus() -> ProbeReport:
    own = Gpu("RTX 4060", total_bytes=8_000_000_000, free_bytes=2_900_000_000)
    other = Gpu("RTX 3060", total_bytes=12_000_000_000, free_bytes=11_000_000_000)
    return ProbeReport("nvml", (own, other), "")


def shared() -> ProbeReport:
    chip = Gpu("integrated", total_bytes=16_000_000_000, free_bytes=1, shared_memory=True)
    silent = Gpu("silent", total_bytes=4_000_000_000, free_bytes=None)
    return ProbeReport("sysfs", (chip, silent), "")


def test_resident_memory_is_the_processs_own() -> None:
    memory = EngineMemoryReader(lambda: hello(CPU)).read(os.getpid())
    assert memory.resident == pytest.approx(psutil.Process().memory_info().rss, rel=0.2)
    assert memory.resident < memory.ram_total <= psutil.virtual_memory().total
    assert (memory.vram_used, memory.vram_total) == (0, 0)


def test_no_driver_is_asked_when_the_engine_cannot_use_a_gpu() -> None:
    asked: list[int] = []

    def probe() -> ProbeReport:
        asked.append(1)
        return two_gpus()

    EngineMemoryReader(lambda: hello(CPU), [probe]).read(os.getpid())
    assert asked == []


def test_vram_of_all_cards_is_summed_without_shared_or_unknown_memory() -> None:
    memory = EngineMemoryReader(lambda: hello(CPU, CUDA), [two_gpus, shared]).read(os.getpid())
    assert (memory.vram_used, memory.vram_total) == (6_100_000_000, 20_000_000_000)


def test_drivers_are_not_asked_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def probe() -> ProbeReport:
        asked.append(1)
        return two_gpus()

    reader = EngineMemoryReader(lambda: hello(CUDA), [probe])
    reader.read(os.getpid())
    reader.read(os.getpid())
    assert len(asked) == 1
    monkeypatch.setattr(engine_memory, "VRAM_SECONDS", 0.0)
    reader.read(os.getpid())
    assert len(asked) == 2


def test_process_that_ended_is_an_error() -> None:
    with pytest.raises(psutil.Error):
        EngineMemoryReader(lambda: hello(CPU)).read(2**22 + 1)  # above Linux's largest pid_max
