"""What served models would take that are not loaded: planned by formulas, which the engine is not asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from desktop.core.cancelled import Cancelled, CancelledError
from desktop.core.errors import HeftError
from desktop.core.load_plan import LoadPlan
from desktop.core.model_kind import purpose_of
from desktop.services.planning.words import placement_words
from desktop.services.serve.api import ModelState, ServedModel

if TYPE_CHECKING:
    from desktop.services.planning.service import PlanningService


class Estimate(Protocol):
    """Plans models, by their names; those that cannot be planned are left out."""

    def __call__(self, models: Sequence[ServedModel], cancelled: Cancelled) -> dict[str, LoadPlan]: ...


def no_estimates(models: Sequence[ServedModel], cancelled: Cancelled) -> dict[str, LoadPlan]:
    """Nothing is known of models that are not loaded."""
    return {}


def estimates(planning: PlanningService, models: Sequence[ServedModel], cancelled: Cancelled) -> dict[str, LoadPlan]:
    """As they would be lent on this computer now. Raises CancelledError, HeftError where no engine is installed."""
    from desktop.services.serve.making import served_plan  # late: the page needs nothing of the lender

    found, here = {}, planning.here()
    for model in models:
        try:
            purpose = purpose_of(model.kind)
            found[model.name] = served_plan(planning, model.ref, purpose, cancelled, here=here, method="estimate")
        except CancelledError:
            raise
        except HeftError:  # what nobody can load so has no figures
            continue
    return found


def with_plan(state: ModelState, plan: LoadPlan | None) -> ModelState:
    """What is known of a model together with its plan, where the lender had none."""
    if plan is None or state.plan is not None:
        return state
    too_large = "" if plan.fits or plan.fit is None else placement_words(plan.fit)
    return replace(state, plan=plan, too_large=state.too_large or too_large)
