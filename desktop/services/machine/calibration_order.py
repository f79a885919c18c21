"""What a calibration is to measure, part after part, on the processor and on graphics cards; kept over a restart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from desktop.core.hardware import Gpu, Machine
from desktop.core.load_settings import KvType
from desktop.core.speed import DeviceSpeed
from desktop.core.speed.work import CPU

if TYPE_CHECKING:
    from desktop.engine.tools.calibrator import Calibrate

USUAL_KV_TYPES: tuple[KvType, ...] = ("f16", "q8_0")
_NOTHING = DeviceSpeed("calibrated", {}, {})  # in the place of what earlier parts of a calibration measure


class MeasuredDevice(msgspec.Struct, frozen=True):
    """A graphics card: the engine's name of it, and under which name its speed is kept (:func:`kept_as`)."""

    engine_name: str
    name: str
    room_bytes: int = 0


class CalibrationOrder(msgspec.Struct, frozen=True):
    """What to measure, in about ``seconds`` for each device, of which ``spent`` are over for the present one; and what
    is measured already, by the name it is kept under.

    ``machine`` is the key of the machine it holds for. ``undisturbed`` has for each part that is done the part of its
    turns during which no other program took a core. ``drift`` is the processor's: see
    :class:`desktop.core.speed.Calibration`. ``repeat``: it was not the same from beginning to end, so that all its
    types are measured once more.
    """

    machine: str
    types: tuple[str, ...]
    seconds: float
    spent: float = 0.0
    speeds: dict[str, DeviceSpeed] = {}
    threads: int = 0
    undisturbed: tuple[float, ...] = ()
    drift: float = 0.0
    repeat: bool = False
    devices: tuple[MeasuredDevice, ...] = ()

    def with_part(
        self, name: str, speed: DeviceSpeed, *, threads: int, undisturbed: float, spent: float
    ) -> CalibrationOrder:
        """One more part is done, of the device of this name; ``speed`` holds all that is known of it."""
        return msgspec.structs.replace(
            self,
            speeds={**self.speeds, name: speed},
            threads=threads if name == CPU else self.threads,
            spent=spent,
            undisturbed=(*self.undisturbed, undisturbed),
        )


@dataclass(frozen=True)
class CalibrationPart:
    """One request of the calibrator, for the device whose speed is kept under ``name``; ``again``: a second time."""

    name: str
    request: Calibrate
    again: bool = False


def parts_of(order: CalibrationOrder, folder: str) -> list[CalibrationPart]:
    """All that an order asks for. The processor's first type comes once more at its end: a slow half-minute would not
    be seen otherwise, and where one was seen, all types and the first one follow again. A card computes its cache alike
    whatever its type, and always with flash attention.
    """
    from desktop.engine.tools.calibrator import Calibrate

    def of(types: Sequence[str] = (), kv: Sequence[KvType] = (), *, first: bool = False) -> Calibrate:
        return Calibrate(folder, tuple(types), tuple(kv), known=None if first else _NOTHING)

    def each(*, kv_types: Sequence[KvType]) -> list[Calibrate]:
        kinds, caches = [of((kind,)) for kind in order.types], [of((), (kind,)) for kind in kv_types]
        return [of(first=True), *kinds, *caches]

    plan = [CalibrationPart(CPU, request) for request in each(kv_types=USUAL_KV_TYPES)]
    plan.append(CalibrationPart(CPU, msgspec.structs.replace(of(), unfused=True)))
    repeated = (*order.types[:1], *((*order.types[1:], order.types[0]) if order.repeat else ()))
    plan += [CalibrationPart(CPU, msgspec.structs.replace(of((kind,)), experts=False), again=True) for kind in repeated]
    for device in order.devices:
        placed = {"device": device.engine_name, "room_bytes": device.room_bytes}
        plan += [
            CalibrationPart(device.name, msgspec.structs.replace(request, **placed))
            for request in each(kv_types=("f16",))
        ]
    return plan


def kept_as(gpu: Gpu) -> str:
    """Under which name a card's speed is kept: another backend has other kernels. "" for one the engine cannot use."""
    return f"{gpu.name} ({gpu.backends[0]})" if gpu.backends and gpu.engine_devices else ""


def measured_devices(machine: Machine, named: Sequence[str] = ()) -> tuple[MeasuredDevice, ...]:
    """The cards that a calibration measures: all the engine can use, those that are software only where ``named``."""
    found: dict[str, MeasuredDevice] = {}
    for gpu in machine.gpus:
        name = kept_as(gpu)
        wanted = any(device in named for device in gpu.engine_devices) if named else not gpu.is_software
        if name and wanted and not gpu.is_remote:
            found.setdefault(name, MeasuredDevice(gpu.engine_devices[0], name, gpu.free_bytes or gpu.total_bytes))
    return tuple(found.values())
