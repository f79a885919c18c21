"""Where a model's layers go."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.core.hardware import RAM
from desktop.core.memory.shape import ModelShape


@dataclass(frozen=True)
class Split:
    """Which device holds each layer and the output (0: main memory), and whose experts stay in main memory."""

    layers: tuple[int, ...]
    output: int = RAM
    experts_in_ram: int = 0  # of so many layers, from the first

    @property
    def devices(self) -> int:
        """Devices there are results for: main memory and every GPU up to the last one used."""
        return max([*self.layers, self.output]) + 1

    def count(self, device: int) -> int:
        """Layers of a device, the output counted as one."""
        return self.layers.count(device) + (self.output == device)

    @classmethod
    def in_ram(cls, shape: ModelShape) -> Split:
        """Everything in main memory."""
        return cls((RAM,) * (shape.layer_count + shape.draft_layers))
