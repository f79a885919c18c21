"""Where else a variant would do better, in one line: the same in the window and in the commands."""

from __future__ import annotations

from desktop.core.text import visible_in_place
from desktop.core.words import tr
from desktop.services.discover.elsewhere import Elsewhere, Suggestion
from desktop.services.planning.words import placement_words, speed
from desktop.services.worker.ways import Way
from desktop.services.worker.words import way_title


def suggestion_words(found: Suggestion) -> str:
    """``Q8_0 writes ~ 2.3 tok/s here. Shared with studio: 14 → 11 tok/s.``"""
    said = [_here(found)]
    if found.way is not None:
        said.append(f"{way_title(found.way)}: {_figures(found.way)}.")
        if found.way.kind == "whole":
            said.append(_server(found))
    said += [
        tr(
            "{endpoint} offers it, as {model}.",
            endpoint=visible_in_place(model.endpoint),
            model=visible_in_place(model.model),
        )
        for model in found.offers[:1]
    ]
    return " ".join(said)


def shared_words(found: Elsewhere, variant: str) -> str:
    """That the figures in view are those of a shared load, with what it would be here alone; or that it cannot be."""
    if found.gone:
        names = visible_in_place(" and ".join(found.gone))
        return tr("{names} does not lend its devices now: weighed here alone.", names=names)
    stay = next(iter(found.ways(variant)), None)
    alone = tr(" Here alone: {stay}.", stay=_figures(stay)) if stay is not None and stay.plan is not None else ""
    return tr(
        "Weighed as shared with {shared}.{alone}", shared=visible_in_place(" and ".join(found.shared)), alone=alone
    )


def _here(found: Suggestion) -> str:
    name, plan = visible_in_place(found.variant), found.stay.plan
    if found.stay.fits and plan is not None:
        return tr("{name} writes {speeds} here.", name=name, speeds=speed(plan.speeds))
    fit = plan.fit if plan is not None else None
    return (
        tr("{name} is {fit} here.", name=name, fit=placement_words(fit))
        if fit is not None
        else tr("{name} does not fit here.", name=name)
    )


def _figures(way: Way) -> str:
    plan = way.plan
    if plan is None or plan.fit is None:
        return tr("not known")
    if not way.fits:
        return placement_words(plan.fit)
    return speed(plan.speeds) if plan.speeds is not None else tr("it fits; its speed is not known")


def _server(found: Suggestion) -> str:
    way = found.way
    assert way is not None
    worker = visible_in_place(way.worker)
    if found.server:
        return tr("Download it there; its server is {server} here.", server=visible_in_place(found.server))
    if way.serves:
        return tr("Its server is at {serves}.", serves=visible_in_place(way.serves))
    return tr("Switch on Serve on {worker}, open to the network.", worker=worker)
