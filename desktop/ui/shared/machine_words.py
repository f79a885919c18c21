"""A machine in a few words, wherever a page says for which one its figures are."""

from __future__ import annotations

from desktop.core.hardware import Machine
from desktop.core.machines import GIB
from desktop.core.units import human_bytes

_NEARLY = 0.01


def machine_words(machine: Machine) -> str:
    """A machine in a few words: its GPUs and main memory."""
    memory = _sold(machine.memory.total_bytes)
    if not machine.gpus:
        return f"CPU with {memory} of memory"
    named = [gpu.name if gpu.shared_memory else f"{gpu.name} {_sold(gpu.total_bytes)}" for gpu in machine.gpus]
    counted = (f"{named.count(name)} × {name}" if named.count(name) > 1 else name for name in dict.fromkeys(named))
    return f"{' + '.join(counted)} + {memory}"


def _sold(count: int) -> str:
    """A memory size as it is sold, in binary gigabytes, where it is a whole number of these."""
    whole = round(count / GIB)
    return f"{whole} GB" if abs(count / GIB - whole) < _NEARLY * whole else human_bytes(count)
