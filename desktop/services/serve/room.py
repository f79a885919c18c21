"""What a plan takes on each device, and what all loaded models together may take there now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.load_plan import LoadPlan
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.services.serve.admission import Bytes

if TYPE_CHECKING:
    from desktop.core.hardware import Machine

MAIN = ""  # main memory
PROCESS_BYTES = 60_000_000  # of a server beside what its log tells: libraries, the vocabulary, threads' stacks
_UNPLANNED_BYTES = 500_000_000  # beside the weights of a model that could not be planned


def need_of(plan: LoadPlan) -> dict[str, int]:
    """Bytes by device. What could not be planned is taken for its files and half a gigabyte."""
    if plan.fit is None:
        files = sum(file.stat().st_size for file in plan.ref.files if file.is_file())
        return {MAIN: files + _UNPLANNED_BYTES + PROCESS_BYTES}
    pools = {pool.device: pool for pool in plan.fit.pools}
    need = {MAIN: PROCESS_BYTES}
    for held in plan.fit.memory.devices:
        pool = pools.get(held.device)
        name = pool.engine_device if pool is not None else MAIN
        need[name] = need.get(name, 0) + held.total_bytes
        if pool is not None and pool.shared:  # a card without memory of its own takes main memory, too
            need[MAIN] += max(0, held.total_bytes - pool.own_bytes)
    return need


class MemoryNow:
    """This computer's memory for models: what is free, with what the loaded ones hold, less what is to be kept free."""

    def __init__(self, machine: Callable[[], Machine], own: Callable[[], Mapping[str, int]]) -> None:
        """``machine`` is this computer now; ``own`` what all servers of Heft's hold and would give back, by device."""
        self._machine, self._own = machine, own

    def __call__(self, plan: LoadPlan) -> dict[str, int]:
        """Bytes by device, for all models together. Raises HeftError where the computer cannot be asked."""
        from desktop.core.pools import devices_for

        own = self._own()
        machine = self._machine()
        pools = devices_for(machine, plan.asked.devices).pools
        most = {MAIN: max(0, machine.memory.total_bytes - machine.reserves.ram_bytes)}
        free = {pool.engine_device: pool.free_bytes for pool in pools}
        found = {name: size + own.get(name, 0) for name, size in free.items()}
        return {name: min(size, most.get(name, size)) for name, size in found.items()}


def too_large(name: str, need: Bytes, capacity: Bytes, device: str) -> HeftError:
    """A model for which there is no room however empty the computer is of other models."""
    where = f"on {device}" if device else "of main memory"
    return HeftError(
        tr(
            "{name} needs {need} {where}; {device} can be had.",
            name=name,
            need=human_bytes(need[device]),
            where=where,
            device=human_bytes(capacity.get(device, 0)),
        ),
        tr("Give it a shorter context, take a smaller model or quantization, or close other programs."),
        kind=FailureKind.OUT_OF_MEMORY,
    )


def no_room_in_time(name: str, need: Bytes, capacity: Bytes, held: Bytes, seconds: float) -> HeftError:
    """Models that are in use did not get free while somebody waited."""
    device = max(need, key=lambda one: need[one] + held.get(one, 0) - capacity.get(one, 0))
    where = f"on {device}" if device else "of main memory"
    free = max(0, capacity.get(device, 0) - held.get(device, 0))
    return HeftError(
        tr(
            "{name} needs {need} {where}; {free} of {capacity} are free, and the models that "
            "hold the rest were in use for {seconds:.0f} seconds.",
            name=name,
            need=human_bytes(need[device]),
            where=where,
            free=human_bytes(free),
            capacity=human_bytes(capacity[device]),
            seconds=seconds,
        ),
        tr("Ask again when their answers are done."),
        kind=FailureKind.BUSY,
    )


def no_room_beside(name: str, need: Bytes, capacity: Bytes, held: Bytes) -> HeftError:
    """A model for which nothing is to be unloaded, and something would have to be."""
    device = max(need, key=lambda one: need[one] + held.get(one, 0) - capacity.get(one, 0))
    where = f"on {device}" if device else "of main memory"
    free = max(0, capacity.get(device, 0) - held.get(device, 0))
    return HeftError(
        tr(
            "{name} needs {need} {where}; {free} are free beside the loaded models.",
            name=name,
            need=human_bytes(need[device]),
            where=where,
            free=human_bytes(free),
        ),
        tr("Close other programs, or give the chat's model a shorter context."),
        kind=FailureKind.OUT_OF_MEMORY,
    )
