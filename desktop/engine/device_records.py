"""What is known of devices while a model is loaded: what each holds, and which refused what was planned for it."""

from __future__ import annotations

from typing import Literal

import msgspec


class Device(msgspec.Struct, frozen=True):
    """A device one of the engine's backends reports; memory in bytes. ``device_id`` is its PCI address, "" unknown.

    ``software``: its backend says that it computes on the processor. ``computes`` are the number formats that it says
    it computes natively there, and "matrix cores"; None where it says nothing.
    """

    name: str
    description: str
    backend: str
    kind: Literal["cpu", "gpu", "igpu", "accelerator"]
    total_bytes: int
    free_bytes: int
    device_id: str = ""
    software: bool = False
    computes: tuple[str, ...] | None = None


class DeviceHeld(msgspec.Struct, frozen=True):
    """What one device holds of a loaded model, by the engine's log; bytes. ``name`` is the engine's, "" main memory.

    ``mapped_bytes`` of the weights are a mapped range of the file, ``reordered_bytes`` copies in the CPU's own order.
    """

    name: str
    description: str = ""
    weights_bytes: int = 0
    kv_bytes: int = 0
    recurrent_bytes: int = 0
    compute_bytes: int = 0
    output_bytes: int = 0
    draft_bytes: int = 0
    projector_bytes: int = 0
    mapped_bytes: int = 0
    reordered_bytes: int = 0

    @property
    def total_bytes(self) -> int:
        """All of it."""
        caches = self.kv_bytes + self.recurrent_bytes
        main = self.weights_bytes + caches + self.compute_bytes + self.output_bytes
        return main + self.draft_bytes + self.projector_bytes


class DeviceRefusal(msgspec.Struct, frozen=True):
    """A device had no room for what was planned. ``device`` is its name in the engine, "" where the log does not say;
    ``wanted_bytes`` were asked for at once, 0 where that is not known; ``layers`` were to be on the GPUs."""

    device: str = ""
    wanted_bytes: int = 0
    layers: int = 0
