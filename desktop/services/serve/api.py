"""What the parts of the server agree on: models by the names that clients use, and the loan of a loaded one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from desktop.core.load_plan import LoadPlan
from desktop.core.model_kind import ModelKind, Purpose
from desktop.core.model_ref import ModelRef
from desktop.core.projector import MediaKind
from desktop.engine.api import Loaded
from desktop.engine.endpoint.http import Address

__all__ = ["Lease", "ModelLender", "ModelPhase", "ModelState", "Purpose", "RequestRecord", "ServedModel"]

ModelPhase = Literal["unloaded", "loading", "ready", "answering"]


@dataclass(frozen=True)
class ServedModel:
    """A model of the library under the name that clients use. ``aliases`` are further ones, none of them twice.

    ``modified`` is when its file was written, in seconds since 1970; ``context_length`` what it was trained for, in
    tokens, 0 where that is not known. ``media`` is what it takes beside text, by the projector that lies with it.
    """

    name: str
    ref: ModelRef
    kind: ModelKind
    aliases: tuple[str, ...] = ()
    quantization: str = ""
    architecture: str = ""
    parameters: int = 0
    size_bytes: int = 0
    context_length: int = 0
    modified: int = 0
    media: tuple[MediaKind, ...] = ()


@dataclass(frozen=True)
class ModelState:
    """What a served model is doing. ``leases`` are the answers that use it now; ``in_chat`` says that the window holds
    it, too; ``would_go`` names what has to be unloaded before it fits, ``too_large`` that not even that helps.
    """

    model: ServedModel
    phase: ModelPhase = "unloaded"
    plan: LoadPlan | None = None
    leases: int = 0
    in_chat: bool = False
    memory_bytes: int = 0
    tokens_per_second: float = 0.0
    would_go: tuple[str, ...] = ()
    too_large: str = ""
    idle_until: float | None = None


class Lease(Protocol):
    """A loaded model for one request: it is not unloaded before :meth:`release`, which may be called twice."""

    @property
    def model(self) -> ServedModel: ...
    @property
    def plan(self) -> LoadPlan: ...
    @property
    def loaded(self) -> Loaded: ...
    @property
    def address(self) -> Address: ...
    def release(self) -> None: ...


class ModelLender(Protocol):
    """Loads models as requests need them and unloads them when nobody does. Thread-safe."""

    def models(self) -> tuple[ServedModel, ...]:
        """All that clients can ask for, by name."""

    def find(self, name: str) -> ServedModel | None:
        """The model of a name or alias; None where there is none: another one is never meant."""

    def acquire(self, model: ServedModel, purpose: Purpose, cancelled: Callable[[], bool]) -> Lease:
        """Wait until the model is loaded. Raises HeftError: it cannot do this, it does not fit (with figures), it could
        not be loaded; CancelledError once ``cancelled`` says so.
        """

    def states(self) -> tuple[ModelState, ...]:
        """What each model is doing now."""

    def context(self, model: ServedModel) -> int:
        """What a request to it gets, in tokens: of what is loaded, else of what would be."""

    def unload(self, model: ServedModel) -> None:
        """Free its memory as soon as no answer uses it."""

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Hear that states have changed; returns the way to stop hearing."""


@dataclass(frozen=True)
class RequestRecord:
    """One request as the page shows it; nothing of its content. Times in seconds, ``asked_at`` since 1970.

    ``client`` is what the program calls itself (its User-Agent, shortened). ``state``: "waiting" for the model,
    "reading" its prompt, "answering", "done", "stopped" by its client, "refused" with ``error``.
    """

    number: int
    client: str
    path: str
    model: str
    asked_at: float
    state: Literal["waiting", "reading", "answering", "done", "stopped", "refused"]
    prompt_tokens: int = 0
    cached_tokens: int = 0
    generated_tokens: int = 0
    seconds_to_first_token: float | None = None
    tokens_per_second: float = 0.0
    status: int = 0
    error: str = ""
