"""Which model to take of a repo that holds several. It is decided before the variant: losses of two models cannot be
compared.

In this order, as far as it leaves more than one: a model that fits at all; the one that the repo's name speaks of; one
to chat with rather than a base model; one that runs well (at reading speed, with a loss below noticeable); then for the
goal "speed" the quickest, for the others the largest, which answers best; then the first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from desktop.core.choice_options import Goal, Option
from desktop.core.model_groups import NameWords, Use
from desktop.core.quality import NOTICEABLE

ModelReason = Literal["only", "none-fits", "fits", "named", "tuned", "runs-well", "quickest", "largest", "first"]
_USE_ORDER: tuple[Use, ...] = ("chat", "unsaid", "other")


@dataclass(frozen=True)
class ModelOption:
    """A model with its recommended variant, None where nothing of it fits. ``parameters`` may be rough."""

    option: Option | None
    parameters: float
    words: NameWords
    use: Use

    @property
    def runs_well(self) -> bool:
        """Whether its recommended variant answers at reading speed with a loss that is not yet noticeable."""
        return self.option is not None and self.option.readable and self.option.severity < NOTICEABLE


@dataclass(frozen=True)
class ModelChoice:
    """The model to take, by number, and what decided. ``well``: it runs well."""

    index: int
    reason: ModelReason
    well: bool = False


def choose_model(models: Sequence[ModelOption], goal: Goal, repo: NameWords) -> ModelChoice:
    """The model to take for a goal; ``repo`` are the words of the repo's name. ValueError without models."""
    if len(models) == 1:
        return ModelChoice(0, "only", models[0].runs_well)
    if all(model.option is None for model in models):
        return ModelChoice(_smallest(models), "none-fits")
    wanted = repo.of("size", "tuning")
    steps: list[tuple[ModelReason, Callable[[ModelOption], float]]] = [
        ("fits", lambda model: model.option is not None),
        ("named", lambda model: len(wanted & model.words.of("size", "tuning"))),
        ("tuned", lambda model: -_USE_ORDER.index(model.use)),
        ("runs-well", lambda model: model.runs_well),
        ("quickest", _speed) if goal == "speed" else ("largest", lambda model: model.parameters),
    ]
    left = list(range(len(models)))
    reason: ModelReason = "first"
    for name, worth in steps:
        best = max(worth(models[i]) for i in left)
        kept = [i for i in left if worth(models[i]) == best]
        if len(kept) < len(left):
            left, reason = kept, name
        if len(left) == 1:
            break
    return ModelChoice(left[0], reason, models[left[0]].runs_well)


def _speed(model: ModelOption) -> float:
    """Tokens per second; where no speed is known the fewest bytes are the quickest."""
    option = model.option
    if option is None or option.fit is None:
        return 0.0
    return option.rate.expected if option.rate is not None else 1 / max(1, option.fit.memory.total_bytes)


def _smallest(models: Sequence[ModelOption]) -> int:
    """Where nothing fits, the smallest comes nearest."""
    return min(range(len(models)), key=lambda i: models[i].parameters)
