"""What this computer's graphics cards do for models, in a sentence for who does not know them."""

from __future__ import annotations

from collections.abc import Sequence

from desktop.core.hardware import Machine
from desktop.core.pools import Pool, devices_for
from desktop.core.text import visible_in_place
from desktop.core.units import human_bytes
from desktop.core.words import tr

PROCESSOR = tr("Models run on the processor.")
_CLEARLY = 2  # times: less is no difference to tell a newcomer


def graphics_words(machine: Machine) -> str:
    """What models gain by the graphics cards that Heft uses by itself. How large they may be counts all of the cards'
    memory but the reserve, and what context and computing take.
    """
    used = devices_for(machine).pools[1:]
    if not used:
        return _unused(machine)
    size = human_bytes(sum(_room(pool, machine) for pool in used))
    names = _names([pool.name for pool in used])
    if any(pool.shared for pool in used):
        return tr(
            "{names} shares main memory with the processor: models of up to {size} run on it, "
            "mostly quicker at reading a question, about as quick at answering.",
            names=names,
            size=size,
        )
    together = " together" if len(used) > 1 else _quick(machine, used[0])
    return tr(
        "Models of up to {size} run wholly on {names}{together}; larger ones are shared with the processor, slower.",
        size=size,
        names=names,
        together=together,
    )


def _unused(machine: Machine) -> str:
    """Why models run on the processor, whatever devices there are."""
    unreached = [gpu for gpu in machine.gpus if machine.engine.version and not gpu.engine_devices]
    software = [gpu for gpu in machine.gpus if gpu.is_software]
    if unreached:
        names = _names([gpu.name for gpu in unreached])
        return tr(
            "No backend of the engine reaches {names}. {processor} Settings > Engine adds a backend.",
            names=names,
            processor=PROCESSOR,
        )
    if software:
        return tr(
            "{names} is no card but a graphics driver in software. {processor}",
            names=_names([gpu.name for gpu in software]),
            processor=PROCESSOR,
        )
    if machine.gpus:
        return tr(
            "{processor} Another computer's devices are used for the models for which you choose them.",
            processor=PROCESSOR,
        )
    return PROCESSOR


def _room(pool: Pool, machine: Machine) -> int:
    """Bytes for a model where nothing else is in the memory of a device."""
    if pool.shared:
        main = machine.memory.total_bytes - machine.reserves.ram_bytes
        return max(0, min(pool.total_bytes, pool.own_bytes + main))
    return max(0, pool.total_bytes - pool.reserve_bytes)


def _quick(machine: Machine, pool: Pool) -> str:
    """How much quicker a card's memory is than main memory; "" where that is not known, or little."""
    rate = next((gpu.bandwidth_bytes_per_second for gpu in machine.gpus if gpu.name == pool.name), None)
    main = machine.memory.bandwidth_bytes_per_second
    if not rate or not main or rate < _CLEARLY * main:
        return ""
    return tr(", whose memory is {rate:.0f} times as quick as main memory", rate=rate / main)


def _names(names: Sequence[str]) -> str:
    """``RTX 4070``, ``2 × RTX 3090``, ``RTX 4070 and RTX 3050``."""
    shown = [visible_in_place(name) for name in names]
    counted = [f"{shown.count(name)} × {name}" if shown.count(name) > 1 else name for name in dict.fromkeys(shown)]
    return counted[0] if len(counted) == 1 else f"{', '.join(counted[:-1])} and {counted[-1]}"
