"""A machine in a few words, wherever a page says for which one its figures are."""

from __future__ import annotations

from desktop.core.hardware import Gpu, Machine
from desktop.core.machines import ASSUMED, sold_as
from desktop.core.units import human_bytes
from desktop.core.words import tr


def machine_words(machine: Machine) -> str:
    """A machine in a few words: its own GPUs and main memory, not what other computers lend it. Sizes are those it is
    sold with, where it has such ones.
    """
    memory, own = _size(machine.memory.total_bytes), [gpu for gpu in machine.gpus if not gpu.worker]
    if not own:
        return tr("CPU with {memory} of memory", memory=memory)
    named = [_card(gpu) for gpu in own]
    counted = (f"{named.count(name)} × {name}" if named.count(name) > 1 else name for name in dict.fromkeys(named))
    return f"{' + '.join(counted)} + {memory}"


def _card(gpu: Gpu) -> str:
    return gpu.name if gpu.shared_memory else f"{gpu.name} {_size(gpu.total_bytes, nearly=gpu.probe != ASSUMED)}"


def _size(count: int, *, nearly: bool = False) -> str:
    sold = sold_as(count, nearly=nearly)
    return human_bytes(count) if sold is None else f"{sold} GB"
