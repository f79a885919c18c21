"""What is known of devices while a model is loaded: what each holds, and which refused what was planned for it."""

from __future__ import annotations

import msgspec


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
    mapped_bytes: int = 0
    reordered_bytes: int = 0

    @property
    def total_bytes(self) -> int:
        """All of it."""
        caches = self.kv_bytes + self.recurrent_bytes
        return self.weights_bytes + caches + self.compute_bytes + self.output_bytes + self.draft_bytes


class DeviceRefusal(msgspec.Struct, frozen=True):
    """A device had no room for what was planned. ``device`` is its name in the engine, "" where the log does not say;
    ``wanted_bytes`` were asked for at once, 0 where that is not known; ``layers`` were to be on the GPUs."""

    device: str = ""
    wanted_bytes: int = 0
    layers: int = 0
