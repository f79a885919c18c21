"""NVIDIA graphics processors through NVML (``nvidia-ml-py``). NVML makes no CUDA context and takes no VRAM.

A GPU that is divided into instances (MIG) is listed by these: a program gets one of them, never the whole. Source:
NVML API reference, Multi Instance GPU Management, and nvmlDeviceGetMemoryInfo: in MIG mode the whole GPU's memory is
told to privileged accounts only.

Run it through :mod:`desktop.machine.child`: a broken driver can then hang or crash the probe and nothing else.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import msgspec

from desktop.core.hardware import Gpu, GpuProcess, pci_address
from desktop.machine.report import ProbeReport

PROBE = "nvml"
_MEGA = 1_000_000
_MIG = " MIG "  # between a GPU's name and its instance's profile: "NVIDIA A100-SXM4-40GB MIG 3g.20gb"
_BANDWIDTH_SOURCE = "NVML: memory bus width x maximum memory clock x 2"
T = TypeVar("T")


def probe_nvidia(module: Any = None) -> ProbeReport:
    """Every GPU the driver shows. ``module`` is ``pynvml``, given by tests only."""
    nvml = module or importlib.import_module("pynvml")
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        return _refused(nvml, error)
    try:
        driver = str(_ask(nvml, nvml.nvmlSystemGetDriverVersion) or "")
        gpus: list[Gpu] = []
        notes: list[str] = []
        for index in range(nvml.nvmlDeviceGetCount()):
            try:
                gpus += _rows(nvml, nvml.nvmlDeviceGetHandleByIndex(index), driver, notes)
            except nvml.NVMLError as error:
                notes.append(f"NVIDIA GPU {index} did not answer: {error}.")
        return ProbeReport(PROBE, tuple(gpus), f"driver {driver}", tuple(notes))
    except nvml.NVMLError as error:
        return ProbeReport(PROBE, (), "failed", (f"The NVIDIA driver did not answer: {error}.",))
    finally:
        nvml.nvmlShutdown()


def _refused(nvml: Any, error: Exception) -> ProbeReport:
    if isinstance(error, nvml.NVMLError_LibraryNotFound):
        return ProbeReport(PROBE, (), "no NVIDIA driver on this computer")
    if isinstance(error, nvml.NVMLError_DriverNotLoaded):
        return ProbeReport(
            PROBE, (), "driver not loaded", ("The NVIDIA driver is installed but not loaded: restart the computer.",)
        )
    if isinstance(error, nvml.NVMLError_LibRmVersionMismatch):
        return ProbeReport(
            PROBE,
            (),
            "driver was updated",
            ("The NVIDIA driver was updated while the old one is still loaded: restart the computer.",),
        )
    return ProbeReport(PROBE, (), "failed", (f"The NVIDIA driver did not answer: {error}.",))


def _rows(nvml: Any, handle: Any, driver: str, notes: list[str]) -> list[Gpu]:
    """The GPU, or the instances it is divided into; what could not be asked is said in ``notes``."""
    whole = Gpu(
        name=_text(nvml.nvmlDeviceGetName(handle)),
        vendor="nvidia",
        probe=PROBE,
        driver=driver,
        device_id=_pci_address(nvml, handle),
        compute_capability=_capability(nvml, handle),
    )
    mode = _ask(nvml, lambda: nvml.nvmlDeviceGetMigMode(handle))
    if mode is not None and mode[0] == nvml.NVML_DEVICE_MIG_ENABLE:
        return _instances(nvml, handle, whole, notes)
    found = _with_memory(nvml, handle, whole, notes)
    bandwidth = _bandwidth(nvml, handle)
    return [
        msgspec.structs.replace(
            found,
            bandwidth_bytes_per_second=bandwidth,
            bandwidth_source=_BANDWIDTH_SOURCE if bandwidth else "",
            processes=_processes(nvml, handle),
        )
    ]


def _with_memory(nvml: Any, handle: Any, gpu: Gpu, notes: list[str]) -> Gpu:
    """With its memory. Only "not supported" means that it shares main memory (GB10, Jetson); else it is unknown."""
    try:
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    except nvml.NVMLError_NotSupported:
        return msgspec.structs.replace(gpu, shared_memory=True)
    except nvml.NVMLError as error:
        notes.append(f"{gpu.name} did not tell its memory: {error}. Where the engine knows it, its figure counts.")
        return gpu
    return msgspec.structs.replace(gpu, total_bytes=int(memory.total), free_bytes=int(memory.free))


def _instances(nvml: Any, handle: Any, whole: Gpu, notes: list[str]) -> list[Gpu]:
    """A row for each instance of a divided GPU; one of unknown memory where they cannot be asked."""
    found: list[Gpu] = []
    refused = None
    bandwidth, total = _bandwidth(nvml, handle), _ask(nvml, lambda: nvml.nvmlDeviceGetMemoryInfo(handle).total)
    for index in range(_ask(nvml, lambda: nvml.nvmlDeviceGetMaxMigDeviceCount(handle)) or 0):
        try:
            part = nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)
        except nvml.NVMLError_NotFound:
            continue
        except nvml.NVMLError as error:
            refused = error
            continue
        name = _text(_ask(nvml, partial(nvml.nvmlDeviceGetName, part)) or "")
        named = msgspec.structs.replace(whole, name=name if _MIG in name else f"{whole.name}{_MIG}{index}")
        one = _with_memory(nvml, part, named, notes)
        # an instance has the memory slices of its size, with their part of the bandwidth (MIG User Guide)
        its = bandwidth * one.total_bytes / total if bandwidth and total and one.total_bytes else None
        found.append(
            msgspec.structs.replace(
                one,
                bandwidth_bytes_per_second=its,
                bandwidth_source=f"{_BANDWIDTH_SOURCE}, its part by memory (MIG)" if its else "",
                processes=_processes(nvml, part),
            )
        )
    if len(found) > 1:
        notes.append(
            f"{whole.name} is divided into {len(found)} instances (MIG). A program is given one of them: the first, "
            "unless CUDA_VISIBLE_DEVICES names another."
        )
    if not found and refused is not None:
        notes.append(
            f"{whole.name} is divided (MIG), and its instances did not answer: {refused}. Where the engine knows the "
            "one it is given, its figures count."
        )
        return [msgspec.structs.replace(whole, name=f"{whole.name}{_MIG}".rstrip())]
    if not found:
        notes.append(
            f"{whole.name} is set to be divided (MIG) and has no instance yet, so no program can use it: make one, or "
            "switch MIG off."
        )
    return found


def _pci_address(nvml: Any, handle: Any) -> str:
    info = _ask(nvml, lambda: nvml.nvmlDeviceGetPciInfo(handle))
    return pci_address(_text(info.busId)) if info is not None else ""


def _capability(nvml: Any, handle: Any) -> str | None:
    found = _ask(nvml, lambda: nvml.nvmlDeviceGetCudaComputeCapability(handle))
    return f"{found[0]}.{found[1]}" if found else None


def _bandwidth(nvml: Any, handle: Any) -> float | None:
    """Theoretical bytes per second: bus width in bytes x memory clock x 2.

    Source: NVIDIA Developer Blog, "How to Implement Performance Metrics in CUDA C/C++" (theoretical bandwidth).
    """
    bits = _ask(nvml, lambda: nvml.nvmlDeviceGetMemoryBusWidth(handle))
    megahertz = _ask(nvml, lambda: nvml.nvmlDeviceGetMaxClockInfo(handle, nvml.NVML_CLOCK_MEM))
    return bits / 8 * megahertz * _MEGA * 2 if bits and megahertz else None


def _processes(nvml: Any, handle: Any) -> tuple[GpuProcess, ...]:
    """Processes with memory on this GPU, largest first; a process with compute and graphics counts once."""
    found: dict[int, int | None] = {}
    for question in (nvml.nvmlDeviceGetComputeRunningProcesses, nvml.nvmlDeviceGetGraphicsRunningProcesses):
        for process in _ask(nvml, partial(question, handle)) or ():
            used = process.usedGpuMemory
            found[process.pid] = max(used or 0, found.get(process.pid) or 0) or used
    rows = [GpuProcess(pid, _process_name(pid), used) for pid, used in found.items()]
    return tuple(sorted(rows, key=lambda row: (-(row.used_bytes or 0), row.pid)))


def _process_name(pid: int) -> str:
    import psutil

    try:
        return str(psutil.Process(pid).name())
    except psutil.Error:
        return ""


def _ask(nvml: Any, question: Callable[[], T]) -> T | None:
    """The answer, None when this card or driver does not know it (laptops, virtual GPUs, old drivers)."""
    try:
        return question()
    except nvml.NVMLError:
        return None


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
