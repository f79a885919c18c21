"""``python -m desktop.machine.nvidia_child``: print the NVIDIA probe's report as JSON."""

from __future__ import annotations

import sys

import msgspec

from desktop.machine.child import ChildError, ask_child
from desktop.machine.gpu_nvidia import PROBE, probe_nvidia
from desktop.machine.report import ProbeReport

_SECONDS = 10.0  # waking a sleeping driver takes a second or two


def probe_in_child() -> ProbeReport:
    """The NVIDIA probe in its own process; its failure is a sentence of the report."""
    try:
        return ask_child(__name__, ProbeReport, seconds=_SECONDS, what="The NVIDIA probe")
    except ChildError as error:
        return ProbeReport(PROBE, (), "failed", (error.message,))


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(probe_nvidia()))
