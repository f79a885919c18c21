"""Whether the devices have the room that a plan takes of them, before anything is tried."""

from __future__ import annotations

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.hardware import RAM
from desktop.core.load_plan import LoadPlan
from desktop.core.units import human_bytes
from desktop.core.words import counted, tr
from desktop.services.planning.device_words import holders_words


def must_have_room(plan: LoadPlan) -> None:
    """Raises HeftError ("device-full") where a number of layers was set that does not fit what is free on a card now.

    By the engine's own plan only, and without what is to be kept free; a card whose memory is main memory is as free as
    that. What is left to Heft fits.
    """
    fit = plan.fit
    if fit is None or fit.method != "engine" or plan.asked.gpu_layers is None:
        return
    held = {device.device: device.total_bytes for device in fit.memory.devices}
    for pool in fit.pools:
        needed, free = held.get(pool.device, 0), pool.unreserved_bytes
        if pool.device == RAM or pool.shared or needed <= free:
            continue
        layers = counted(fit.gpu_layers, "layer")
        message = f"{layers} would take {human_bytes(needed)} on {pool.name}, where {human_bytes(free)} are free now"
        who = f": {holders_words(pool)}." if pool.holders else "."
        programs = f"Close {pool.holders[0][0]}" if pool.holders else "Close programs that use the card"
        raise HeftError(
            message + who,
            tr("{programs}, or leave the number of layers to Heft: then it takes as many as fit.", programs=programs),
            kind=FailureKind.DEVICE_FULL,
        )
