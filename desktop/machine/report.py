"""What one probe found."""

from __future__ import annotations

import msgspec

from desktop.core.hardware import Gpu, Probe


class ProbeReport(msgspec.Struct, frozen=True):
    """Devices found by the probe ``name``, its answer in words, and sentences about what went wrong."""

    name: str
    gpus: tuple[Gpu, ...]
    message: str
    notes: tuple[str, ...] = ()

    @property
    def line(self) -> Probe:
        """This report in the machine's list of probes."""
        return Probe(self.name, len(self.gpus), self.message)
