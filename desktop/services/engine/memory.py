"""What the engine's process holds now, of what this computer has."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from desktop.engine.api import Hello
    from desktop.machine.report import ProbeReport

VRAM_SECONDS = 10.0  # asking a driver may cost a process of its own, so the answer is kept that long


@dataclass(frozen=True)
class EngineMemory:
    """Memory now, in bytes: the engine's resident set, usable RAM, and VRAM (0 of 0 without a usable GPU)."""

    resident: int
    ram_total: int
    vram_used: int = 0
    vram_total: int = 0


class EngineMemoryReader:
    """Reads an engine process's memory; thread-safe, meant for a worker thread."""

    def __init__(self, hello: Callable[[], Hello], probes: Sequence[Callable[[], ProbeReport]] | None = None) -> None:
        """``hello`` describes the running engine; ``probes`` are the machine's GPU probes by default."""
        self._hello = hello
        self._probes = probes
        self._lock = threading.Lock()
        self._vram = (0, 0)
        self._vram_read: float | None = None

    def read(self, pid: int) -> EngineMemory:
        """Memory of process ``pid`` now. Raises psutil.Error when it has ended, HeftError without an engine."""
        import psutil

        from desktop.machine.memory import read_memory

        resident = psutil.Process(pid).memory_info().rss
        used, total = self._graphics_memory()
        return EngineMemory(resident, read_memory().total_bytes, used, total)

    def _graphics_memory(self) -> tuple[int, int]:
        """Used and total bytes of all GPUs with memory of their own, when the engine can use one."""
        if not any(device.kind == "gpu" for device in self._hello().devices):
            return (0, 0)
        with self._lock:
            if self._vram_read is None or time.monotonic() - self._vram_read >= VRAM_SECONDS:
                self._vram = self._ask_probes()
                self._vram_read = time.monotonic()
            return self._vram

    def _ask_probes(self) -> tuple[int, int]:
        if self._probes is None:
            from desktop.services.machine.machine import GPU_PROBES

            self._probes = GPU_PROBES
        gpus = [gpu for probe in self._probes for gpu in probe().gpus if not gpu.shared_memory]
        known = [(gpu.total_bytes - gpu.free_bytes, gpu.total_bytes) for gpu in gpus if gpu.free_bytes is not None]
        return (sum(used for used, _ in known), sum(total for _, total in known))
