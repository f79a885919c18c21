"""Which devices a plan uses and why, in words."""

from __future__ import annotations

from desktop.core.memory import RAM
from desktop.core.placement import Fit
from desktop.core.pools import WORKER_SIGN, Aside, Pool
from desktop.core.units import human_bytes

_NAMED = 2  # programs that are named; the rest hold less


def gpu_words(fit: Fit | None) -> tuple[str, ...]:
    """Why a model goes where it goes, in a sentence, and why a device is left out, a sentence for each; none where
    there is the processor alone.
    """
    if fit is None:
        return ()
    cards = [pool for pool in fit.pools if pool.device != RAM]
    chosen = _chosen(fit, cards)
    return (*([chosen] if chosen else []), *(_left(pool, cards) for pool in fit.aside))


def _chosen(fit: Fit, cards: list[Pool]) -> str:
    if not cards or not fit.fits:
        return ""
    if not fit.gpu_layers:
        return f"The processor computes all of it; {_free(cards)} free on {_names(cards)}."
    if len(cards) > 1:
        each = ", ".join(f"{pool.name} {human_bytes(pool.free_bytes)}" for pool in cards)
        how = "as it was set" if fit.shared_as_set else "by what is free on each"
        return f"The layers are shared among {len(cards)} GPUs {how}: {each}."
    if fit.placement == "gpu":
        return f"All of it goes to {_names(cards)}, where {_free(cards)} free."
    what = f"{fit.gpu_layers} of {fit.layers} layers" if fit.gpu_layers < fit.layers else "All but the experts"
    rest = f"{what} go to {_names(cards)}, where {_free(cards)} free; the processor computes the rest."
    return rest + "".join(_held(pool) for pool in cards)


def _names(cards: list[Pool]) -> str:
    return " and ".join(pool.name for pool in cards)


def _free(cards: list[Pool]) -> str:
    free = sum(pool.free_bytes for pool in cards)
    return f"{human_bytes(free)} are" if free else "nothing is"


def _left(pool: Pool, cards: list[Pool]) -> str:
    match pool.left_for:
        case "software":
            return (
                f"{pool.name} is left out: it is a graphics driver in software, slower than the processor itself. "
                f"It is used where {pool.engine_device} is set as the device."
            )
        case "integrated":
            other = f", and {_names(cards)} has" if cards else ""
            return f"{pool.name} is left out: it has no memory of its own{other}."
        case "lent":
            own = f"{WORKER_SIGN}{pool.worker}"
            return f"{pool.name} is left out: it is another computer's. It is used where {own} is set as a device."
        case "main":
            return f"{pool.name} is left out: the model fits {_names(cards)}, its main device."
        case "not-asked":
            return f"{pool.name} is left out, as it was set."
    free = f"{human_bytes(pool.free_bytes)} of it is" if pool.free_bytes else "none of its memory is"
    return f"{pool.name} is left out: {free} free for a model, and without it more fits the rest.{_held(pool)}"


def _held(pool: Pool) -> str:
    """Who would have to go for more to fit."""
    return f" {holders_words(pool)} of it." if pool.holders else ""


def holders_words(pool: Pool) -> str:
    """``Blender holds 5.2 GB``, of those who hold most."""
    most = [f"{name} holds {human_bytes(size)}" for name, size in pool.holders[:_NAMED]]
    return ", ".join(most[:-1]) + (" and " if len(most) > 1 else "") + most[-1]


def device_words(pool: Pool | None) -> str:
    """What a device has room for and what is particular about it: ``10.9 GB of 12.0 GB free``; None is one that is set
    and not there.
    """
    if pool is None:
        return "not there now"
    total = f" of {human_bytes(pool.total_bytes)}" if pool.total_bytes else ""
    said = [f"{human_bytes(pool.free_bytes)}{total} free"]
    if pool.software:
        said.append("a driver in software, slower than the processor itself")
    elif pool.shared:
        said.append("its memory is main memory")
    if pool.worker:
        said.append(f"lent by {pool.worker}")
    if pool.holders:
        said.append(holders_words(pool))
    return " · ".join(said)


def taken_words(fit: Fit, name: str) -> str:
    """What a plan puts on a device, by the engine's name of it: ``Takes 4.1 GB: 26 layers``, or why it puts nothing."""
    used = next((pool for pool in fit.pools if pool.device != RAM and pool.engine_device == name), None)
    if used is None:
        aside = next((pool for pool in fit.aside if pool.engine_device == name), None)
        return _ASIDE.get(aside.left_for, "") if aside is not None else ""
    held = next((device for device in fit.memory.devices if device.device == used.device), None)
    if held is None or not held.total_bytes:
        return "Takes nothing of this model."
    about = "~ " if fit.method == "estimate" else ""
    layers = "no layer" if not held.layers else "1 layer" if held.layers == 1 else f"{held.layers:,} layers"
    return f"Takes {about}{human_bytes(held.total_bytes)}: {layers}"


_ASIDE: dict[Aside, str] = {
    "room": "Left out: more fits the rest without it.",
    "main": "Left out: the model fits its main device.",
}
