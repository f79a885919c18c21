"""A longer context for a conversation that outgrew its own, as far as the model's training and the memory allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from desktop.core.context_length import LEAST_ROOM, context_for, engine_context
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LONGEST_CONTEXT, LoadSettings
from desktop.core.model_ref import ModelRef
from desktop.core.units import human_bytes
from desktop.services.planning.words import beyond_training


class Planner(Protocol):
    """Makes plans: :class:`desktop.services.planning.service.PlanningService`."""

    def for_load(self, ref: ModelRef, asked: LoadSettings | None = None) -> LoadPlan:
        """The plan of a model that is about to be loaded in place of the one that is."""


@dataclass(frozen=True)
class LongerContext:
    """What there is for a conversation of ``needed`` tokens. ``plan`` is the load that holds it; None where none fits.

    ``longest`` is the longest context that fits, in tokens, 0 where that is not known or is the present one;
    ``trained`` what the model was trained for, where that is why.
    """

    needed: int
    plan: LoadPlan | None
    longest: int = 0
    trained: int = 0

    @property
    def beyond_training(self) -> bool:
        """Whether the plan's context is longer than the model was trained for."""
        return self.plan is not None and bool(beyond_training(self.plan.context, self.plan.trained_context))


def longer_context(planning: Planner, loaded: LoadPlan, present: int, needed: int) -> LongerContext:
    """The plan of the loaded model for ``needed`` tokens and an answer, where it has ``present`` tokens: as long as its
    training reaches, if that is enough, else beyond. Waits for plans.
    """
    wanted, trained = context_for(needed), engine_context(loaded.trained_context)
    if needed <= present:  # an answer filled it: how long it would have been nobody knows
        wanted = max(wanted, 2 * present)
    if needed + LEAST_ROOM <= trained < wanted:
        wanted = trained
    if wanted > LONGEST_CONTEXT:
        return LongerContext(needed, None, trained=loaded.trained_context)
    plan = planning.for_load(loaded.ref, LoadSettings(context=wanted))
    if plan.fits and (plan.fit is not None or wanted <= trained):
        return LongerContext(needed, plan)
    if plan.fits:  # whether it would fit is not known, and it would make little sense
        return LongerContext(needed, None, trained=loaded.trained_context)
    now = planning.for_load(loaded.ref, LoadSettings(context=present))
    longest = now.fit.max_context if now.fit is not None else 0
    if longest >= needed + LEAST_ROOM:
        plan = planning.for_load(loaded.ref, LoadSettings(context=longest))
        if plan.fits:
            return LongerContext(needed, plan, longest)
    return LongerContext(needed, None, longest if longest > present else 0)


def load_words(found: LongerContext) -> str:
    """What a button says that loads it: ``Load with 16,384: 5.2 GB, fits``; "" where there is nothing to load."""
    plan = found.plan
    if plan is None:
        return ""
    if plan.fit is None:
        return f"Load with {plan.context:,}"
    about = "~ " if plan.fit.method == "estimate" else ""
    return f"Load with {plan.context:,}: {about}{human_bytes(plan.fit.memory.total_bytes)}, fits"


def remark(found: LongerContext) -> str:
    """What is to be known of it in a sentence; "" where the button says all."""
    plan = found.plan
    if plan is not None:
        return beyond_training(plan.context, plan.trained_context)
    if found.trained:
        return f"The model was trained for {found.trained:,} tokens."
    if found.longest:
        return f"No context that holds it fits into memory; the longest that does is {found.longest:,} tokens."
    return "No longer context fits into memory."
