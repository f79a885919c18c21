"""One model that is loaded for others, from the first who asks to the end of its process, and what is lent of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from desktop.core.errors import HeftError
from desktop.core.load_plan import LoadPlan
from desktop.engine.api import Loaded
from desktop.engine.endpoint.http import Address
from desktop.services.serve.admission import Bytes
from desktop.services.serve.api import Purpose, ServedModel


class Server(Protocol):
    """A process that holds a model: :class:`desktop.engine.server.lent.LentServer`."""

    @property
    def loaded(self) -> Loaded: ...
    @property
    def address(self) -> Address: ...
    @property
    def alive(self) -> bool: ...
    def close(self) -> None:
        """End it; its memory is free when this returns."""


@dataclass(frozen=True)
class Loan:
    """What a lease is made of, whoever's process it is."""

    plan: LoadPlan
    loaded: Loaded
    address: Address
    give_back: Callable[[], None]


class OwnLease:
    """:class:`desktop.services.serve.api.Lease`."""

    def __init__(self, model: ServedModel, loan: Loan, released: Callable[[], None] = lambda: None) -> None:
        self._model, self._loan, self._released = model, loan, released
        self._lock, self._over = threading.Lock(), False

    @property
    def model(self) -> ServedModel:
        return self._model

    @property
    def plan(self) -> LoadPlan:
        return self._loan.plan

    @property
    def loaded(self) -> Loaded:
        return self._loan.loaded

    @property
    def address(self) -> Address:
        return self._loan.address

    def release(self) -> None:
        with self._lock:
            if self._over:
                return
            self._over = True
        self._loan.give_back()
        self._released()


@dataclass(eq=False)
class Load:
    """Guarded by its lender's lock. ``waiting`` are the requests that want it and have no lease yet; ``need`` is its
    memory, from the moment it was admitted; ``used`` when it was used last.

    ``beside``: nothing is unloaded for it, since none of those who wait for it would have that.
    ``leaving``: nobody new gets it, and it goes when those who have it are done. ``set_aside``: it was not begun yet
    and is not wanted any more; those who wait are to look again.
    """

    model: ServedModel
    purpose: Purpose
    waiting: int = 0
    leases: int = 0
    plan: LoadPlan | None = None
    need: Bytes = field(default_factory=dict)
    server: Server | None = None
    failure: HeftError | None = None
    used: float = 0.0
    load_seconds: float = 0.0
    beside: bool = False
    leaving: bool = False
    set_aside: bool = False

    @property
    def key(self) -> str:
        return self.model.ref.identity

    @property
    def busy(self) -> bool:
        """Whether it may not be let go now: it is being loaded, or somebody has or wants it."""
        return self.server is None or self.leases > 0 or self.waiting > 0

    @property
    def dead(self) -> bool:
        """Whether its process has ended."""
        return self.server is not None and not self.server.alive

    def unwanted(self) -> bool:
        """Whether nobody waits for it any more: then its load is given up."""
        return self.waiting <= 0 or self.set_aside
