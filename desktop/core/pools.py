"""Memory that a load can fill: main memory and the graphics devices that are used, and why others are not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import msgspec

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.hardware import RAM, EngineInfo, Gpu, Machine
from desktop.core.words import tr

# Why a device is not used: too little is free on it, it is only a driver in software, it was not asked for, it has no
# memory of its own while another one has, another computer lends it, or the model fits the main device alone
Aside = Literal["", "room", "software", "not-asked", "integrated", "lent", "main"]

_SHARED_PART = 2 / 3  # of main memory that a GPU without memory of its own may use, where nobody says
NO_DEVICES = "none"  # llama.cpp's word for it
OWN_DEVICES = "here"  # those of this computer that are used where nothing is asked for
WORKER_SIGN = "@"  # before the name of a computer that lends its devices: all of them


@dataclass(frozen=True)
class Reclaimable:
    """Bytes held by what would be unloaded before another model is loaded."""

    memory_bytes: int = 0
    gpu_bytes: int = 0


NOTHING_RECLAIMABLE = Reclaimable()


@dataclass(frozen=True)
class Pool:
    """Memory that can be filled: device number (0 is main memory), its name, bytes free less the reserve.

    ``shared``: a GPU whose memory is main memory, so that what it holds counts in pool 0 too, but for the first
    ``own_bytes``: what the firmware set aside for it. ``engine_device`` is its name in the engine, "" in a profile.
    ``left_for`` is why a device is not used; ``holders`` are the programs that hold its memory, with bytes, most first.
    ``twice``: two backends reach it, so the engine has to be told through which it is used. ``worker`` is the computer
    that lends it, "" for this one. ``total_bytes`` is all of its memory, 0 where nobody says; ``software``: a driver
    that computes on the processor; ``also`` are its further names in the engine.
    """

    device: int
    name: str
    free_bytes: int
    reserve_bytes: int
    shared: bool = False
    own_bytes: int = 0
    engine_device: str = ""
    left_for: Aside = ""
    twice: bool = False
    holders: tuple[tuple[str, int], ...] = ()
    worker: str = ""
    total_bytes: int = 0
    software: bool = False
    also: tuple[str, ...] = ()

    @property
    def unreserved_bytes(self) -> int:
        """What is free there, the reserve counted in."""
        return self.free_bytes + self.reserve_bytes


@dataclass(frozen=True)
class Devices:
    """Where a load may go. ``pools`` are main memory and the devices used, in the engine's order, ``left`` those that
    are not, each with the reason. ``told``: the engine would take others by itself, so it has to be told.
    """

    pools: tuple[Pool, ...]
    left: tuple[Pool, ...] = ()
    told: bool = False


def devices_for(
    machine: Machine, asked: str | None = None, *, freed_bytes: int = 0, freed_gpu_bytes: int = 0
) -> Devices:
    """Main memory and the devices to use: those ``asked`` for, with commas between, by the engine's names, ``@`` with
    the name of another computer for those that it lends, "here" for this computer's own ("none": no device). Else all
    that the installed engine offers but for other computers' and drivers in software, and an integrated one only
    without one that has memory of its own.

    ``freed_bytes`` and ``freed_gpu_bytes`` are held by what would be unloaded first. Where a machine does not say
    what is free, all of it is. Raises HeftError ("device-gone") where a device that is asked for is not there.
    """
    memory = machine.memory
    free = min(memory.total_bytes, (memory.available_bytes or memory.total_bytes) + freed_bytes)
    reserve = machine.reserves.ram_bytes
    main = Pool(RAM, "main memory", max(0, free - reserve), reserve)
    offered = [gpu for gpu in machine.gpus if _usable(gpu, machine)]
    names = asked_devices(asked) if machine.engine.version else None  # what was asked for here is not there elsewhere
    used = _chosen(offered) if names is None else _asked_for(names, offered)

    def pool(number: int, gpu: Gpu, why: Aside = "") -> Pool:
        made = _gpu_pool(number, gpu, machine, main.free_bytes, freed_gpu_bytes // max(1, len(used)))
        return replace(made, left_for=why)

    left = [gpu for gpu in offered if all(gpu is not other for other in used)]
    return Devices(
        (main, *(pool(number, gpu) for number, gpu in enumerate(used, 1))),
        tuple(pool(0, gpu, _why_left(gpu, names is not None)) for gpu in left),
        told=bool(machine.engine.version) and [id(gpu) for gpu in used] != [id(gpu) for gpu in _by_itself(offered)],
    )


def pools_of(machine: Machine, *, freed_bytes: int = 0, freed_gpu_bytes: int = 0) -> tuple[Pool, ...]:
    """The pools of :func:`devices_for` where nothing is asked for."""
    return devices_for(machine, freed_bytes=freed_bytes, freed_gpu_bytes=freed_gpu_bytes).pools


def offered_devices(machine: Machine, held: Reclaimable = NOTHING_RECLAIMABLE) -> tuple[Pool, ...]:
    """The devices that the installed engine offers: those used where nothing is asked for, then the others with the
    reason (:attr:`Pool.left_for`). None in a profile, whose devices the engine here has no names for.
    """
    found = devices_for(machine, freed_bytes=held.memory_bytes, freed_gpu_bytes=held.gpu_bytes)
    return tuple(pool for pool in (*found.pools[1:], *found.left) if pool.engine_device)


def asked_devices(asked: str | None) -> tuple[str, ...] | None:
    """The names in what was asked for; none for "none", None where nothing was."""
    if asked is None:
        return None
    names = tuple(name for name in (part.strip() for part in asked.split(",")) if name)
    return () if names == (NO_DEVICES,) else names


def workers_asked(asked: str | None) -> tuple[str, ...]:
    """The other computers among devices that are asked for."""
    return tuple(name[1:].strip() for name in asked_devices(asked) or () if name.startswith(WORKER_SIGN))


def _chosen(offered: Sequence[Gpu]) -> list[Gpu]:
    real = [gpu for gpu in offered if not gpu.is_software and not gpu.worker]
    return [gpu for gpu in real if not gpu.shared_memory] or real[:1]


def _by_itself(offered: Sequence[Gpu]) -> list[Gpu]:
    """What llama.cpp takes where it is told nothing; one in software is a card to it (llama_prepare_model_devices)."""
    return [gpu for gpu in offered if not gpu.shared_memory] or list(offered[:1])


def _asked_for(names: Sequence[str], offered: Sequence[Gpu]) -> list[Gpu]:
    """In the order asked for, each once: the engine shares layers among them in that order."""
    found: list[Gpu] = []
    for name in names:
        found += [gpu for gpu in _named(name, offered) if all(gpu is not other for other in found)]
    return found


def _named(name: str, offered: Sequence[Gpu]) -> list[Gpu]:
    if name.lower() == OWN_DEVICES:
        return _chosen(offered)
    if name.startswith(WORKER_SIGN):
        meant = [gpu for gpu in offered if gpu.worker and gpu.worker.casefold() == name[1:].strip().casefold()]
        if not meant:
            raise _worker_gone(name[1:].strip())
        return meant
    for gpu in offered:
        if any(name.lower() == device.lower() for device in gpu.engine_devices):
            return [gpu]
    raise gone_error(name, [device for gpu in offered for device in gpu.engine_devices])


def _worker_gone(name: str) -> HeftError:
    return HeftError(
        tr("{name}, on whose devices this model is set to run, does not lend any now.", name=name),
        tr("Start 'heft worker' there, or choose other devices for this model."),
        kind=FailureKind.DEVICE_GONE,
    )


def is_engine_name(device: str) -> bool:
    """Whether the engine itself knows a device by this name, and not only Heft."""
    return not device.startswith(WORKER_SIGN) and device.lower() != OWN_DEVICES


def gone_error(name: str, there: Sequence[str]) -> HeftError:
    """What to say of a device that was asked for and is not there; ``there`` are those that are."""
    offered = f"the engine offers {', '.join(there)}." if there else "the engine finds no graphics card."
    return HeftError(
        tr("The device {name}, on which this model is set to run, is not there: {offered}", name=name, offered=offered),
        tr("Choose another device for this model, or leave it to Heft."),
        kind=FailureKind.DEVICE_GONE,
    )


def _why_left(gpu: Gpu, asked: bool) -> Aside:
    if asked:
        return "not-asked"
    if gpu.worker:
        return "lent"
    return "software" if gpu.is_software else "integrated"


def _gpu_pool(number: int, gpu: Gpu, machine: Machine, ram_free: int, freed: int) -> Pool:
    if gpu.shared_memory:
        limit = gpu.total_bytes or int(machine.memory.total_bytes * _SHARED_PART)
        own = own_free(gpu)
        free = min(limit, own + ram_free)
        reserve = machine.reserves.ram_bytes
        made = Pool(number, gpu.name, free, reserve, True, own, _engine_device(gpu), total_bytes=limit)
        return with_facts(made, gpu)
    free = gpu.total_bytes if gpu.free_bytes is None else min(gpu.total_bytes, gpu.free_bytes + freed)
    reserve = machine.reserves.gpu_bytes
    return with_facts(Pool(number, gpu.name, max(0, free - reserve), reserve, engine_device=_engine_device(gpu)), gpu)


def with_facts(pool: Pool, gpu: Gpu) -> Pool:
    """With what there is to say of a device whatever is free there."""
    return replace(
        pool, twice=len(gpu.engine_devices) > 1, holders=holders(gpu), worker=gpu.worker,
        total_bytes=pool.total_bytes or gpu.total_bytes, software=gpu.is_software, also=gpu.engine_devices[1:],
    )  # fmt: skip


def holders(gpu: Gpu) -> tuple[tuple[str, int], ...]:
    """The programs that hold a GPU's memory, with bytes, most first."""
    told = [(process.name or f"process {process.pid}", process.used_bytes) for process in gpu.processes]
    return tuple(sorted(((name, size) for name, size in told if size), key=lambda one: -one[1]))


def _engine_device(gpu: Gpu) -> str:
    return gpu.engine_devices[0] if gpu.engine_devices else ""


def devices_asked(pools: Sequence[Pool], some: bool) -> str:
    """The engine's devices among pools as llama.cpp's ``--device`` has them; "" where they are not only some of all."""
    named = ",".join(pool.engine_device for pool in pools if pool.device != RAM)
    return (named or NO_DEVICES) if some or any(pool.twice for pool in pools) else ""


def card_sets(pools: Sequence[Pool], main: str | None = None, shares: int = 0) -> Iterator[tuple[Pool, ...]]:
    """Main memory with the GPUs to try: all that have room, then without the one that has least, down to one.

    The ``main`` one is tried alone before, and comes first. With so many ``shares`` of GPUs all are used, in their own
    order, in which the shares were set. Raises HeftError where the main one is not there, or the shares are those of
    others.
    """
    used = list(pools[1:])
    if used and main:
        first = next((pool for pool in used if pool.engine_device.lower() == main.lower()), None)
        if first is None:
            names = ", ".join(pool.engine_device for pool in used)
            raise HeftError(
                tr(
                    "The main device of this model, {main}, is not among those that are used: {names}.",
                    main=main,
                    names=names,
                ),
                tr("Choose another main device, or leave it to Heft."),
                kind=FailureKind.DEVICE_GONE,
            )
        if not shares:
            used = [first, *(pool for pool in used if pool is not first)]
    if used and shares:
        if shares != len(used):
            names = ", ".join(pool.engine_device or pool.name for pool in used)
            raise HeftError(
                tr(
                    "There are {shares} shares for {used} graphics devices ({names}).",
                    shares=shares,
                    used=len(used),
                    names=names,
                ),
                tr("Give each of them a share, or leave the shares to Heft."),
                kind=FailureKind.DEVICE_GONE,
            )
        yield (pools[RAM], *used)
        return
    if len(used) > 1 and main:
        yield (pools[RAM], used[0])
    used = [pool for pool in used if pool.free_bytes > 0]
    yield (pools[RAM], *used)
    while len(used) > 1:
        used.remove(min(reversed(used), key=lambda pool: pool.free_bytes))
        yield (pools[RAM], *used)


def own_free(gpu: Gpu) -> int:
    """What is free of the memory set aside for a GPU; what it holds lies there first."""
    used = gpu.total_bytes - gpu.free_bytes if gpu.free_bytes is not None else 0
    return max(0, gpu.set_aside_bytes - max(0, used))


def hypothetical(machine: Machine) -> Machine:
    """A profile as "what if": all of its GPUs count, whatever engine it was described with."""
    return msgspec.structs.replace(machine, engine=EngineInfo())


def _usable(gpu: Gpu, machine: Machine) -> bool:
    """Whether an engine would use a GPU: not one that was found here and that the installed engine does not offer."""
    return not machine.engine.version or not gpu.probe or bool(gpu.engine_devices)
