"""What the picker is asked and what it answers: frozen values for page and command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from desktop.core.cancelled import Cancelled
from desktop.core.choice import Goal, Option, Recommendation
from desktop.core.gguf import Header
from desktop.core.hardware import Machine
from desktop.core.load_settings import KvType, LoadSettings
from desktop.core.memory import ModelShape, Weights
from desktop.core.placement import Fit, Pool, Reclaimable
from desktop.core.speed import Rate
from desktop.core.variants import Variant
from desktop.hub.records import RepoFiles

RowState = Literal["waiting", "estimate", "engine", "unreadable"]


@dataclass(frozen=True)
class Controls:
    """What a person may turn. ``context`` 0 is the engine's default; ``gpu_layers`` None: as many as fit.

    ``machine`` None is this computer.
    """

    context: int = 0
    kv_type: KvType = "f16"
    gpu_layers: int | None = None
    goal: Goal = "balanced"
    machine: Machine | None = None

    @property
    def settings(self) -> LoadSettings:
        """The load settings that follow."""
        return LoadSettings(self.context or None, self.kv_type, self.kv_type, gpu_layers=self.gpu_layers)


@dataclass(frozen=True)
class Row:
    """One variant in the table. ``problem`` is why its header could not be read or planned, in words.

    ``local_path`` is the file to load where the variant is on this computer already.
    """

    option: Option
    state: RowState
    problem: str = ""
    local_path: Path | None = None

    @property
    def variant(self) -> Variant:
        return self.option.variant


@dataclass(frozen=True)
class Mark:
    """A place on the context slider: from here on a variant no longer stays where it was."""

    context: int
    name: str


@dataclass(frozen=True)
class View:
    """A repo as it is to be shown: rows in the order of size, the recommendation, and what it all holds for.

    ``shape`` is None before the first kilobytes were read. ``max_context`` is what the model was trained for (0:
    unknown). ``parameters`` None where nobody says. ``pools`` is the memory there is, main memory first.
    """

    repo: RepoFiles
    rows: tuple[Row, ...]
    recommendation: Recommendation
    controls: Controls
    machine: Machine | None
    shape: ModelShape | None = None
    context: int = 0
    max_context: int = 0
    parameters: int | None = None
    pools: tuple[Pool, ...] = ()
    problem: str = ""

    @property
    def recommended(self) -> Row | None:
        return None if self.recommendation.index is None else self.rows[self.recommendation.index]

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


class Rates(Protocol):
    """Predicts speed on one machine."""

    def rate(self, shape: ModelShape, weights: Weights, quantization: str, fit: Fit) -> Rate | None:
        """Tokens per second while writing, at the fit's context; None where nothing is known of the machine."""


class RateSource(Protocol):
    """Predicts speed."""

    def on(self, machine: Machine) -> Rates:
        """What is known of a machine, read once for many models."""
