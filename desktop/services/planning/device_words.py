"""Which devices a plan uses and why, in words."""

from __future__ import annotations

from desktop.core.hardware import RAM
from desktop.core.placement import Fit
from desktop.core.pools import WORKER_SIGN, Aside, Pool
from desktop.core.units import human_bytes
from desktop.core.words import tr

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
        return tr(
            "The processor computes all of it; {cards} free on {cards2}.", cards=_free(cards), cards2=_names(cards)
        )
    if len(cards) > 1:
        each = ", ".join(f"{pool.name} {human_bytes(pool.free_bytes)}" for pool in cards)
        how = tr("as it was set") if fit.shared_as_set else tr("by what is free on each")
        return tr("The layers are shared among {cards} GPUs {how}: {each}.", cards=len(cards), how=how, each=each)
    if fit.placement == "gpu":
        return tr("All of it goes to {cards}, where {cards2} free.", cards=_names(cards), cards2=_free(cards))
    what = (
        tr("{gpu_layers} of {layers} layers", gpu_layers=fit.gpu_layers, layers=fit.layers)
        if fit.gpu_layers < fit.layers
        else tr("All but the experts")
    )
    rest = tr(
        "{what} go to {cards}, where {cards2} free; the processor computes the rest.",
        what=what,
        cards=_names(cards),
        cards2=_free(cards),
    )
    return rest + "".join(_held(pool) for pool in cards)


def _names(cards: list[Pool]) -> str:
    return tr(" and ").join(pool.name for pool in cards)


def _free(cards: list[Pool]) -> str:
    free = sum(pool.free_bytes for pool in cards)
    return tr("{free} are", free=human_bytes(free)) if free else tr("nothing is")


def _left(pool: Pool, cards: list[Pool]) -> str:
    match pool.left_for:
        case "software":
            return tr(
                "{name} is left out: it is a graphics driver in software, slower than the processor "
                "itself. It is used where {engine_device} is set as the device.",
                name=pool.name,
                engine_device=pool.engine_device,
            )
        case "integrated":
            other = tr(", and {cards} has", cards=_names(cards)) if cards else ""
            return tr("{name} is left out: it has no memory of its own{other}.", name=pool.name, other=other)
        case "lent":
            own = f"{WORKER_SIGN}{pool.worker}"
            return tr(
                "{name} is left out: it is another computer's. It is used where {own} is set as a device.",
                name=pool.name,
                own=own,
            )
        case "main":
            return tr(
                "{name} is left out: the model fits {cards}, its main device.", name=pool.name, cards=_names(cards)
            )
        case "not-asked":
            return tr("{name} is left out, as it was set.", name=pool.name)
    free = (
        tr("{free_bytes} of it is", free_bytes=human_bytes(pool.free_bytes))
        if pool.free_bytes
        else tr("none of its memory is")
    )
    return tr(
        "{name} is left out: {free} free for a model, and without it more fits the rest.{pool}",
        name=pool.name,
        free=free,
        pool=_held(pool),
    )


def _held(pool: Pool) -> str:
    """Who would have to go for more to fit."""
    return tr(" {pool} of it.", pool=holders_words(pool)) if pool.holders else ""


def holders_words(pool: Pool) -> str:
    """``Blender holds 5.2 GB``, of those who hold most."""
    most = [f"{name} holds {human_bytes(size)}" for name, size in pool.holders[:_NAMED]]
    return ", ".join(most[:-1]) + (" and " if len(most) > 1 else "") + most[-1]


def device_words(pool: Pool | None) -> str:
    """What a device has room for and what is particular about it: ``10.9 GB of 12.0 GB free``; None is one that is set
    and not there.
    """
    if pool is None:
        return tr("not there now")
    total = f" of {human_bytes(pool.total_bytes)}" if pool.total_bytes else ""
    said = [f"{human_bytes(pool.free_bytes)}{total} free"]
    if pool.software:
        said.append(tr("a driver in software, slower than the processor itself"))
    elif pool.shared:
        said.append(tr("its memory is main memory"))
    if pool.worker:
        said.append(tr("lent by {worker}", worker=pool.worker))
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
        return tr("Takes nothing of this model.")
    about = "~ " if fit.method == "estimate" else ""
    layers = tr("no layer") if not held.layers else tr("1 layer") if held.layers == 1 else f"{held.layers:,} layers"
    return tr(
        "Takes {about}{total_bytes}: {layers}", about=about, total_bytes=human_bytes(held.total_bytes), layers=layers
    )


_ASIDE: dict[Aside, str] = {
    "room": tr("Left out: more fits the rest without it."),
    "main": tr("Left out: the model fits its main device."),
}
