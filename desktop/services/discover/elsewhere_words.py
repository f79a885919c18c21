"""Where else a variant would do better, in one line: the same in the window and in the commands."""

from __future__ import annotations

from desktop.core.text import visible_in_place
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
        f"{visible_in_place(model.endpoint)} offers it, as {visible_in_place(model.model)}."
        for model in found.offers[:1]
    ]
    return " ".join(said)


def shared_words(found: Elsewhere, variant: str) -> str:
    """That the figures in view are those of a shared load, with what it would be here alone; or that it cannot be."""
    if found.gone:
        names = visible_in_place(" and ".join(found.gone))
        return f"{names} does not lend its devices now: weighed here alone."
    stay = next(iter(found.ways(variant)), None)
    alone = f" Here alone: {_figures(stay)}." if stay is not None and stay.plan is not None else ""
    return f"Weighed as shared with {visible_in_place(' and '.join(found.shared))}.{alone}"


def _here(found: Suggestion) -> str:
    name, plan = visible_in_place(found.variant), found.stay.plan
    if found.stay.fits and plan is not None:
        return f"{name} writes {speed(plan.speeds)} here."
    fit = plan.fit if plan is not None else None
    return f"{name} is {placement_words(fit)} here." if fit is not None else f"{name} does not fit here."


def _figures(way: Way) -> str:
    plan = way.plan
    if plan is None or plan.fit is None:
        return "not known"
    if not way.fits:
        return placement_words(plan.fit)
    return speed(plan.speeds) if plan.speeds is not None else "it fits; its speed is not known"


def _server(found: Suggestion) -> str:
    way = found.way
    assert way is not None
    worker = visible_in_place(way.worker)
    if found.server:
        return f"Download it there; its server is {visible_in_place(found.server)} here."
    if way.serves:
        return f"Its server is at {visible_in_place(way.serves)}."
    return f"Switch on Serve on {worker}, open to the network."
