"""What a load put on the GPUs, held against what was planned for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from desktop.core.hardware import RAM
from desktop.core.load_plan import LoadPlan
from desktop.core.placement import names_of
from desktop.engine.api import Loaded
from desktop.store.ledger import Run

Cause = Literal["full", "no-device", "other-device", "not-computed", "vanished", "unknown"]

_MOST_OF_IT = 0.9  # of the planned bytes: a backend pads tensors, and never drops a tenth of them


@dataclass(frozen=True)
class Shortfall:
    """Less is on the GPUs than was planned. ``wanted`` of ``layers`` were to be there (the output is one), ``got`` are.

    ``cause``: a device had no room ("full"), the engine found none ("no-device"), another one took them
    ("other-device"), a backend leaves tensors to the processor ("not-computed"), or what was planned is there, and the
    plan did without a device on which the model ran last ("vanished"). ``devices`` are those planned, or vanished, by
    the names people know, ``instead`` those that hold layers. ``wanted_bytes`` were asked for at once, 0: not known.
    ``asked``: the number of layers was set, and not left to Heft.
    """

    wanted: int
    got: int
    layers: int
    cause: Cause
    devices: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()
    wanted_bytes: int = 0
    asked: bool = False


def gone_devices(runs: Sequence[Run], fingerprint: str, plan: LoadPlan) -> tuple[str, ...]:
    """Devices on which a model ran last, and that are not there now; none where devices are set.

    ``runs`` are this computer's, newest first.
    """
    if plan.fit is None or plan.asked.devices is not None or not fingerprint:
        return ()
    last = next((run for run in runs if run.fingerprint == fingerprint), None)
    there = {_bare(pool.name) for pool in (*plan.fit.pools, *plan.fit.aside)}
    return tuple(name for name in names_of(last.devices) if _bare(name) not in there) if last is not None else ()


def _bare(name: str) -> str:
    """A device's name without what a driver adds to it: another backend, or version, of it says it otherwise."""
    return name.partition(" (")[0]


def shortfall(plan: LoadPlan, loaded: Loaded) -> Shortfall | None:
    """What is missing on the GPUs of a load; None where all that was planned, or asked for, is there."""
    fit = plan.fit
    layers = fit.layers if fit is not None else loaded.layers + 1
    wanted = min(max(plan.gpu_layers, plan.asked.gpu_layers or 0), layers)
    if not wanted:
        return Shortfall(0, loaded.gpu_layers, layers, "vanished", plan.gone) if plan.gone else None
    pools = {pool.device: pool for pool in fit.pools if pool.device != RAM} if fit is not None else {}
    names = {pool.engine_device: pool.name for pool in pools.values()}
    told = {device.name: names.get(device.name) or device.description or device.name for device in loaded.devices[1:]}
    holding = {device.name: device.weights_bytes for device in loaded.devices[1:] if device.weights_bytes}
    planned: dict[str, int] = {}
    if fit is not None and fit.gpu_layers:
        planned = {
            pools[part.device].engine_device: part.weights_bytes
            for part in fit.memory.devices
            if part.device in pools and part.weights_bytes
        }
    devices = tuple(names[name] for name in planned) or tuple(names.values())
    refused = loaded.refused
    if refused is not None and refused.device:
        devices = (told.get(refused.device) or names.get(refused.device) or refused.device,)
    cause = _cause(wanted, loaded, planned, holding)
    if cause is None and plan.gone:
        cause, devices = "vanished", plan.gone
    if cause is None:
        return None
    return Shortfall(
        wanted,
        loaded.gpu_layers,
        layers,
        cause,
        devices,
        tuple(told[name] for name in holding),
        refused.wanted_bytes if refused is not None else 0,
        plan.asked.gpu_layers is not None,
    )


def _cause(wanted: int, loaded: Loaded, planned: dict[str, int], holding: dict[str, int]) -> Cause | None:
    if loaded.gpu_layers < wanted:
        if loaded.refused is not None:
            return "full"
        return "unknown" if loaded.devices[1:] else "no-device"
    if all(planned) and planned.keys() - holding.keys():
        return "other-device"
    return "not-computed" if sum(holding.values()) < _MOST_OF_IT * sum(planned.values()) else None
