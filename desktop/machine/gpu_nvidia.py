"""NVIDIA graphics processors through NVML (``nvidia-ml-py``). NVML makes no CUDA context and takes no VRAM.

Run it through :mod:`desktop.machine.child`: a broken driver can then hang or crash the probe and nothing else.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from desktop.core.hardware import Gpu, GpuProcess
from desktop.machine.report import ProbeReport

PROBE = "nvml"
_MEGA = 1_000_000
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
                gpus.append(_read(nvml, nvml.nvmlDeviceGetHandleByIndex(index), driver))
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


def _read(nvml: Any, handle: Any, driver: str) -> Gpu:
    # A chip that shares main memory (GB10, Jetson) has no memory of its own to report.
    memory = _ask(nvml, lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
    capability = _ask(nvml, lambda: nvml.nvmlDeviceGetCudaComputeCapability(handle))
    bandwidth = _bandwidth(nvml, handle)
    return Gpu(
        name=_text(nvml.nvmlDeviceGetName(handle)),
        vendor="nvidia",
        total_bytes=int(memory.total) if memory else 0,
        free_bytes=int(memory.free) if memory else None,
        shared_memory=memory is None,
        compute_capability=f"{capability[0]}.{capability[1]}" if capability else None,
        bandwidth_bytes_per_second=bandwidth,
        bandwidth_source="NVML: memory bus width x maximum memory clock x 2" if bandwidth else "",
        probe=PROBE,
        driver=driver,
        processes=_processes(nvml, handle),
    )


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
