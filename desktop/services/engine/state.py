"""What the engine is doing, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.load_plan import LoadPlan
from desktop.engine.api import EngineDied, Event, Failed, Loaded

if TYPE_CHECKING:
    from desktop.services.planning.offload import Shortfall

_LOST = (  # after these nobody knows that another server would answer
    FailureKind.UNREACHABLE,
    FailureKind.TIMEOUT,
    FailureKind.INTERRUPTED,
    FailureKind.PROXY,
    FailureKind.CERTIFICATE,
    FailureKind.KEY_WRONG,
    FailureKind.NOT_OPENAI,
    FailureKind.NOT_FOUND,
    FailureKind.RATE_LIMITED,
    FailureKind.ENGINE,
)
Phase = Literal["stopped", "starting", "loading", "ready", "generating", "asleep", "died"]


@dataclass(frozen=True)
class EngineState:
    """What the engine is doing now. ``plan`` is the model it holds, loads or held last, as it was weighed.

    ``progress`` is the load's, 0 to 1; ``failure`` why the last load was refused, or why another server's
    model that is chosen did not answer the last question. ``removed`` is the name of the model
    that was held, or asked for last, when its files were removed; "" where that did not happen. A model that is
    asleep was let go because nobody used it, and is loaded again by ``plan`` for the next question. ``lent``: answers
    of other programs run on it, or where it is loading, have to end before it can.
    """

    phase: Phase = "stopped"
    plan: LoadPlan | None = None
    progress: float = 0.0
    loaded: Loaded | None = None
    died: EngineDied | None = None
    failure: HeftError | None = None
    tokens_per_second: float = 0.0
    pid: int | None = None
    removed: str = ""
    lent: bool = False

    @property
    def model_name(self) -> str:
        """The name of that model; "" without one."""
        return self.plan.ref.name if self.plan is not None else ""

    @property
    def model_path(self) -> str | None:
        """The path of its file, or the identity of another server's."""
        return self.plan.where if self.plan is not None else None

    @property
    def loaded_file(self) -> Path | None:
        """The file of the model that is loaded; None without one, and for another server's, which has none here."""
        return Path(self.loaded.path) if self.loaded is not None and not self.loaded.endpoint else None

    @property
    def endpoint(self) -> str:
        """The name of the other server whose model it is; "" for this computer."""
        elsewhere = self.plan.ref.elsewhere if self.plan is not None else None
        return elsewhere.endpoint if elsewhere is not None else ""

    @property
    def shortfall(self) -> Shortfall | None:
        """What the loaded model lacks on the GPUs of what was planned."""
        if self.plan is None or self.loaded is None:
            return None
        from desktop.services.planning.offload import shortfall  # not before there is a model

        return shortfall(self.plan, self.loaded)


def lost(state: EngineState, event: Event) -> HeftError | None:
    """Why another server may not answer the next question either, by how it ended this one; None of this computer."""
    return event.error() if isinstance(event, Failed) and state.endpoint and event.kind in _LOST else None
