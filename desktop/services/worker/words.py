"""What there is to say of other computers' devices: the same in the settings, on the pages and in the commands."""

from __future__ import annotations

from collections.abc import Sequence

from desktop.core.link import Link
from desktop.core.text import visible_in_place
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.services.planning.words import speed
from desktop.services.worker.ways import Way, best
from desktop.services.worker.workers import Reached
from desktop.store.workers import SavedWorker

ABOUT = tr(
    "Computers of yours that lend their graphics cards, or their processor, to this one. "
    "Run 'heft worker' there and paste here the line that it prints; or let ssh start "
    "it, where you can log in without a password. Everything goes through an encrypted "
    "tunnel; nothing is used before you choose it for a model."
)
_MEGABIT = 125_000


def reached_words(reached: Reached) -> str:
    """``Lends RTX 4090 (22 GB free)``, or why it does not and the one thing to do."""
    if reached.error is not None:
        return f"{reached.error.message} {reached.error.hint}".strip()
    if reached.about is None:
        return tr("Not asked yet.")
    devices = [
        tr("{name} ({free_bytes} free)", name=visible_in_place(one.name), free_bytes=human_bytes(one.free_bytes))
        for one in reached.devices
    ]
    serves = (
        tr(" Its own server is at {serves}.", serves=visible_in_place(reached.about.serves))
        if reached.about.serves
        else ""
    )
    return (
        tr("Lends {devices}.{serves}", devices=", ".join(devices), serves=serves)
        if devices
        else tr("It lends no device.{serves}", serves=serves)
    )


def address_words(worker: SavedWorker) -> str:
    """``10.0.0.2:50052``, or ``user@studio.local, by ssh``."""
    return tr("{where}, by ssh", where=worker.where) if worker.ssh else worker.where


def link_words(link: Link | None) -> str:
    """``0.4 ms there and back, 940 Mbit/s to it, 930 Mbit/s from it, measured 2026-11-28``."""
    if link is None:
        return tr("How quick the way there is was not measured yet: predictions leave it out.")
    trip = 1000 * link.round_trip_seconds
    there, back = (round(rate / _MEGABIT) for rate in (link.up_bytes_per_second, link.down_bytes_per_second))
    milliseconds = f"{trip:.1f}" if trip < 10 else f"{trip:.0f}"
    return tr(
        "{milliseconds} ms there and back, {there:,} Mbit/s to it, {back:,} Mbit/s from it, measured {measured_at}.",
        milliseconds=milliseconds,
        there=there,
        back=back,
        measured_at=link.measured_at[:10],
    )


def way_title(way: Way) -> str:
    """``Here alone``, ``Shared with studio``, ``On studio as a whole``."""
    worker = visible_in_place(way.worker)
    match way.kind:
        case "stay":
            return tr("Here alone")
        case "split":
            return tr("Shared with {worker}", worker=worker)
    return tr("On {worker} as a whole", worker=worker)


def way_words(way: Way) -> str:
    """Its predicted speed, or why it cannot be."""
    if way.plan is None:
        return way.error.message if way.error is not None else tr("not planned")
    fit = way.plan.fit
    if fit is None:
        return tr("not planned")
    if not fit.fits:
        return tr("too large by {short_by_bytes}", short_by_bytes=human_bytes(fit.short_by_bytes))
    return speed(way.plan.speeds) if way.plan.speeds is not None else tr("fits; its speed is not known")


def advice(ways: Sequence[Way]) -> str:
    """What to do, in a sentence; "" where there is nothing to choose."""
    if len(ways) < 2:
        return ""
    chosen = best(ways)
    if chosen is None:
        return tr("It fits nowhere: neither here, nor shared, nor on another computer.")
    if chosen.kind == "stay":
        return tr("Keep it here: no other way is clearly quicker.")
    worker = visible_in_place(chosen.worker)
    if chosen.kind == "split":
        return tr("Share it with {worker}: set its devices to {devices}.", worker=worker, devices=chosen.devices)
    if chosen.serves:
        return tr(
            "Use {worker} as a whole: add its server, {serves}, under Other servers.",
            worker=worker,
            serves=visible_in_place(chosen.serves),
        )
    return tr(
        "Use {worker} as a whole: switch on Serve there, open to the network, and add it here under Other servers.",
        worker=worker,
    )
