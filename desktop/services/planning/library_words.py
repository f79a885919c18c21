"""How a model of the library would run here, in words: for the page and for ``heft library``."""

from __future__ import annotations

from desktop.core.load_plan import LoadPlan
from desktop.core.words import tr
from desktop.services.models.kind_words import kind_name
from desktop.services.models.library import LibraryModel
from desktop.services.planning.words import placement_words


def fit_words(model: LibraryModel, plan: LoadPlan | None) -> str:
    """Whether and where it would run on this computer; what it is, of a file that is not run."""
    if not model.kind.writes_text:
        return kind_name(model.kind)
    if model.problem:
        return tr("cannot be loaded") if model.fault is not None else tr("may not load")
    return placement_words(plan.fit) if plan is not None and plan.fit is not None else "–"
