"""A driver behind the names of ``pynvml``: same calls, same shapes of answers, pynvml's own error classes.

No NVIDIA card was at hand. The figures are those cards' own: memory as ``nvidia-smi`` prints it (24564 MiB for the
RTX 4090), bus width and memory clock from NVIDIA's specifications, so the computed bandwidth must meet the table's.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pynvml

NOT_SUPPORTED = pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
NO_PERMISSION = pynvml.NVMLError(pynvml.NVML_ERROR_NO_PERMISSION)


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

    def nvmlDeviceGetPciInfo(self, card: dict[str, Any]) -> Any:
        return SimpleNamespace(busId=self._give(card.get("bus_id", NOT_SUPPORTED)))

    def nvmlDeviceGetMigMode(self, card: dict[str, Any]) -> list[int]:
        return cast(list[int], self._give(card.get("mig", NOT_SUPPORTED)))

    def nvmlDeviceGetMaxMigDeviceCount(self, card: dict[str, Any]) -> int:
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, card: dict[str, Any], index: int) -> dict[str, Any]:
        parts = card["instances"]
        missing = pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return cast(dict[str, Any], self._give(parts[index] if index < len(parts) else missing))

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


def _instance(profile: str, total: int, free: int) -> dict[str, Any]:
    return {
        "name": f"NVIDIA A100-SXM4-40GB MIG {profile}",
        "memory": (total, free),
        "bus": NOT_SUPPORTED,
        "clock": NOT_SUPPORTED,
        "compute": [],
        "graphics": NOT_SUPPORTED,
    }


# Sizes as nvidia-smi lists them for an A100 40 GB that is divided into a 3g.20gb and a 1g.5gb.
A100_MIG: dict[str, Any] = {
    "name": "NVIDIA A100-SXM4-40GB",
    "memory": (42505273344, 42000000000),
    "capability": (8, 0),
    "bus": 5120,
    "clock": 1215,
    "compute": [],
    "graphics": [],
    "bus_id": "00000000:0F:00.0",
    "mig": [1, 1],
    "instances": [_instance("3g.20gb", 20937965568, 20900000000), _instance("1g.5gb", 5100273664, 5050000000)],
}
