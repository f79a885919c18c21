"""What a computer says of itself to one that may use its devices: what it is, what it lends, and whether it serves."""

from __future__ import annotations

import msgspec

from desktop.core.hardware import Cpu, Machine, Memory
from desktop.core.speed import DeviceSpeed
from desktop.core.text import one_line
from desktop.engine.device_records import Device

MOST_BYTES = 1 << 20
_LONGEST_NAME = 60
_MOST_DEVICES = 16


class LentDevice(msgspec.Struct, frozen=True):
    """One of those that are lent, in the order in which RPC has them. ``name`` is what a person knows it by.

    ``speed`` is as that computer has calibrated it, or knows it from tables; None where it knows nothing.
    """

    name: str
    total_bytes: int = 0
    free_bytes: int = 0
    speed: DeviceSpeed | None = None


class About(msgspec.Struct, frozen=True):
    """``machine`` is the computer without the names of its programs, ``speeds`` those of all its devices by name (see
    :class:`desktop.core.speed.Calibration`). ``serves`` is the address of its own server, "" where that is off or not
    open to the network.
    """

    machine: Machine
    devices: tuple[LentDevice, ...] = ()
    speeds: dict[str, DeviceSpeed] = {}
    serves: str = ""


def about_of(machine: Machine, lent: tuple[Device, ...], speeds: dict[str, DeviceSpeed], serves: str) -> About:
    """``speeds`` are of ``machine``'s devices by name, "cpu" among them."""

    def described(device: Device) -> LentDevice:
        gpu = next((gpu for gpu in machine.gpus if device.name in gpu.engine_devices), None)
        name = gpu.name if gpu is not None else machine.cpu.name if device.kind == "cpu" else device.description
        speed = speeds.get(gpu.name if gpu is not None else "cpu")
        return LentDevice(name, device.total_bytes, device.free_bytes, speed)

    private = tuple(msgspec.structs.replace(gpu, processes=(), link=None) for gpu in machine.gpus)
    known = msgspec.structs.replace(machine, gpus=private, notes=(), probes=(), number_formats=())
    return About(known, tuple(described(device) for device in lent), speeds, serves)


def plain_about(lent: tuple[Device, ...]) -> About:
    """Where nothing is known but the engine's own words for its devices."""
    return About(
        Machine(Cpu(""), Memory(0)),
        tuple(LentDevice(one.description, one.total_bytes, one.free_bytes) for one in lent),
    )


def read_about(document: bytes) -> About:
    """What another computer sent, its names cut to what a line holds. ValueError for what is none."""
    found = msgspec.json.decode(document, type=About)
    devices = tuple(
        msgspec.structs.replace(one, name=one_line(one.name, _LONGEST_NAME)) for one in found.devices[:_MOST_DEVICES]
    )
    return msgspec.structs.replace(found, devices=devices)
