"""A driver behind the names of ``pynvml``: same calls, same shapes of answers, pynvml's own error classes.

No NVIDIA card was at hand. The figures are those cards' own: memory as ``nvidia-smi`` prints it (24564 MiB for the
RTX 4090), bus width and memory clock from NVIDIA's specifications, so the computed bandwidth must meet the table's.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pynvml


class Recorded:
    """A ``pynvml`` whose driver answers ``cards``; an answer that is an exception is raised."""

    def __init__(self, cards: list[dict[str, Any]], *, refuse: Exception | None = None) -> None:
        self.cards = cards
        self.refuse = refuse
        self.open = 0

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("NVMLError", "NVML_")):
            return getattr(pynvml, name)
        raise AttributeError(name)

    @staticmethod
    def _give(answer: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    def nvmlInit(self) -> None:
        if self.refuse is not None:
            raise self.refuse
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlSystemGetDriverVersion(self) -> str:
        return "570.86.15"

    def nvmlDeviceGetCount(self) -> int:
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> dict[str, Any]:
        return cast(dict[str, Any], self._give(self.cards[index].get("handle", self.cards[index])))

    def nvmlDeviceGetName(self, card: dict[str, Any]) -> str:
        return cast(str, self._give(card["name"]))

    def nvmlDeviceGetMemoryInfo(self, card: dict[str, Any]) -> Any:
        memory = self._give(card["memory"])
        return SimpleNamespace(total=memory[0], free=memory[1], used=memory[0] - memory[1])

    def nvmlDeviceGetCudaComputeCapability(self, card: dict[str, Any]) -> tuple[int, int]:
        return cast(tuple[int, int], self._give(card["capability"]))

    def nvmlDeviceGetMemoryBusWidth(self, card: dict[str, Any]) -> int:
        return cast(int, self._give(card["bus"]))

    def nvmlDeviceGetMaxClockInfo(self, card: dict[str, Any], which: int) -> int:
        assert which == pynvml.NVML_CLOCK_MEM
        return cast(int, self._give(card["clock"]))

    def nvmlDeviceGetComputeRunningProcesses(self, card: dict[str, Any]) -> list[Any]:
        return [SimpleNamespace(pid=p, usedGpuMemory=m) for p, m in self._give(card["compute"])]

    def nvmlDeviceGetGraphicsRunningProcesses(self, card: dict[str, Any]) -> list[Any]:
        return [SimpleNamespace(pid=p, usedGpuMemory=m) for p, m in self._give(card["graphics"])]


RTX_4090 = {
    "name": "NVIDIA GeForce RTX 4090",
    "memory": (25757220864, 24696061952),
    "capability": (8, 9),
    "bus": 384,
    "clock": 10501,
    "compute": [],
    "graphics": [],
}
RTX_3060 = {
    "name": "NVIDIA GeForce RTX 3060",
    "memory": (12884901888, 12500000000),
    "capability": (8, 6),
    "bus": 192,
    "clock": 7501,
    "compute": [],
    "graphics": [],
}
