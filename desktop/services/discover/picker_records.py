"""What the picker is asked and what it answers: frozen values for page and command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from desktop.core.cancelled import Cancelled
from desktop.core.choice import Goal, Option, Recommendation
from desktop.core.choice_model import ModelChoice
from desktop.core.context_length import CODING_CONTEXT, engine_context
from desktop.core.gguf import Header
from desktop.core.hardware import Machine
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import NOTHING_SET, LoadSettings
from desktop.core.memory import ModelShape, Weights
from desktop.core.model_kind import ModelKind
from desktop.core.placement import Fit
from desktop.core.pools import Pool, Reclaimable
from desktop.core.quality import MeasuredHere
from desktop.core.variants import CompanionKind, Variant
from desktop.hub.records import RepoFiles
from desktop.services.planning.attention import Rates

RowState = Literal["waiting", "estimate", "engine", "unreadable"]


Measured = Callable[[Sequence[str]], MeasuredHere | None]
"""What was measured on this computer of a model, by the SHA-256 of its files ("" where one is not known)."""


def unmeasured(_digests: Sequence[str]) -> None:
    """The :data:`Measured` of a computer on which nothing was."""


@dataclass(frozen=True)
class Controls:
    """What a person may turn: how to load, what for, and where (``machine`` None is this computer)."""

    load: LoadSettings = NOTHING_SET
    goal: Goal = "balanced"
    machine: Machine | None = None

    def asked(self, trained: int = 0) -> LoadSettings:
        """What is set; where the context is left to Heft, code gets a long one: as long as a model was trained for
        (``trained`` tokens, 0: not known)."""
        if self.goal != "coding" or self.load.context is not None:
            return self.load
        return replace(self.load, context=min(CODING_CONTEXT, trained or CODING_CONTEXT))


@dataclass(frozen=True)
class VariantRow:
    """One variant in the table. ``problem`` is why its header could not be read or planned, in words.

    ``group`` is the number of its model in :attr:`View.groups`. ``shape`` and ``parameters`` are its own once its
    header was read, its model's before; None where nobody knows. ``bits_per_weight`` is its own, None before.
    ``local_path`` is the file to load where the variant is on this computer already. ``plan`` is the load that the
    figures are of, None where there are none. ``companions_here`` are on this computer, with the variant or without.
    """

    option: Option
    state: RowState
    problem: str = ""
    local_path: Path | None = None
    group: int = 0
    shape: ModelShape | None = None
    parameters: int | None = None
    bits_per_weight: float | None = None
    plan: LoadPlan | None = None
    companions_here: frozenset[CompanionKind] = frozenset()

    @property
    def variant(self) -> Variant:
        return self.option.variant

    @property
    def trained_context(self) -> int:
        """Tokens its model was trained for, 0 where that is not known."""
        return self.shape.trained_context if self.shape else 0


@dataclass(frozen=True)
class Mark:
    """A place on the context slider: from here on a variant no longer stays where it was."""

    context: int
    name: str


@dataclass(frozen=True)
class ModelGroup:
    """One of the models in a repo. ``rows`` are numbers of :attr:`View.rows`, in the order of size; the
    recommendation's too.

    ``shape`` is None before anything of the model was read. ``context`` is what it is weighed at, which is less than
    asked for where it was trained for less; ``max_context`` what it was trained for (0: unknown). ``kind`` is what
    it is for, as far as its header was read.
    """

    name: str
    rows: tuple[int, ...]
    recommendation: Recommendation
    shape: ModelShape | None = None
    context: int = 0
    max_context: int = 0
    parameters: int | None = None
    kind: ModelKind = ModelKind.UNKNOWN

    @property
    def recommended(self) -> int | None:
        """The recommended row."""
        return self.recommendation.index


@dataclass(frozen=True)
class View:
    """A repo as it is to be shown: rows in the order of size, its models, and what it all holds for.

    ``groups`` are in the order of their smallest files; there is one where the repo holds one model. ``choice`` says
    which of them to take and why, None without variants; ``recommendation`` is that group's. ``pools`` is the memory
    there is, main memory first. ``problem`` is a sentence where nothing can be weighed.
    """

    repo: RepoFiles
    rows: tuple[VariantRow, ...]
    groups: tuple[ModelGroup, ...]
    choice: ModelChoice | None
    recommendation: Recommendation
    controls: Controls
    machine: Machine | None
    pools: tuple[Pool, ...] = ()
    problem: str = ""

    @property
    def group(self) -> ModelGroup | None:
        """The model to take."""
        return self.groups[self.choice.index] if self.choice else None

    @property
    def several(self) -> bool:
        """Whether the repo holds several models."""
        return len(self.groups) > 1

    @property
    def recommended(self) -> VariantRow | None:
        """The variant to take of the model to take."""
        return None if self.recommendation.index is None else self.rows[self.recommendation.index]

    @property
    def shape(self) -> ModelShape | None:
        """Of the model to take, or of another one that was read before."""
        taken = self.group.shape if self.group else None
        return taken or next((group.shape for group in self.groups if group.shape), None)

    @property
    def context(self) -> int:
        """Tokens at which the model to take is weighed."""
        return self.group.context if self.group else engine_context(self.controls.asked().context or 0)

    @property
    def max_context(self) -> int:
        """The most tokens that any of the models was trained for, 0 where that is not known."""
        return max((group.max_context for group in self.groups), default=0)

    @property
    def parameters(self) -> int | None:
        """Weights of the model to take, None where nobody says."""
        return self.group.parameters if self.group else None

    @property
    def kind(self) -> ModelKind:
        """What the model to take is for."""
        return self.group.kind if self.group else ModelKind.UNKNOWN

    @property
    def settled(self) -> bool:
        """Whether every row that can be planned by the engine was."""
        return all(row.state in ("engine", "unreadable") for row in self.rows)


class EnginePlanner(Protocol):
    """Plans a load by the engine itself."""

    def plan(
        self,
        headers: Sequence[Header],
        shape: ModelShape,
        weights: Weights,
        settings: LoadSettings,
        machine: Machine,
        held: Reclaimable,
        cancelled: Cancelled,
        *,
        longest: bool,
    ) -> Fit | None:
        """The engine's verdict; None where it cannot plan for this machine. Raises HeftError.

        ``longest`` False leaves ``max_context`` 0, which saves most of the time.
        """


class RateSource(Protocol):
    """Predicts speed."""

    def on(self, machine: Machine) -> Rates:
        """What is known of a machine, read once for many models."""
