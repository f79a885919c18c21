"""The engine of this computer, or the model of another server: whichever was asked for last."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.core.cancelled import Cancelled
from desktop.core.endpoint_model import endpoint_model
from desktop.core.errors import NotFoundError
from desktop.core.words import tr
from desktop.engine.api import EngineDied, Event, Hello, Load, Request, Unload

if TYPE_CHECKING:
    from desktop.engine.endpoint.client import EndpointClient, FindAddress
    from desktop.engine.endpoint.connecting import Address
    from desktop.engine.server.client import EngineClient
    from desktop.engine.server.describer import Describer
    from desktop.engine.server.loans import Lent


def no_endpoints(name: str) -> Address:
    """There are no other servers. Raises NotFoundError."""
    raise no_server(name)


def no_server(name: str) -> NotFoundError:
    """None is called so."""
    return NotFoundError(
        tr("There is no server called {name}.", name=name), tr("Add it in the settings."), settings_page="endpoints"
    )


class EitherClient:
    """Takes requests as an :class:`desktop.engine.server.client.EngineClient` does, and makes each kind at its first
    use. What is not asked for any more is let go: a model of this computer gives its memory back when another
    server's is chosen, and tells nothing after that.
    """

    def __init__(
        self,
        log_path: Path,
        scratch: Path,
        on_event: Callable[[Event | EngineDied], None],
        find: FindAddress,
        make_way: Callable[[Load, Cancelled], None],
    ) -> None:
        """``find`` knows other servers' addresses; ``make_way``: see :class:`EngineClient`."""
        self._log_path, self._scratch, self._on_event = log_path, scratch, on_event
        self._find, self._make_way = find, make_way
        self._lock = threading.RLock()
        self._here: EngineClient | None = None
        self._elsewhere: EndpointClient | None = None
        self._is_elsewhere = False

    @property
    def description(self) -> Describer:
        """What the engine of this computer is."""
        return self._engine().description

    def forget_description(self) -> None:
        """The backends have changed."""
        here = self._here
        if here is not None:
            here.description.forget()

    def lend(self) -> Lent | None:
        """The model that this computer holds, for another program; None where there is none, or another's answers."""
        with self._lock:
            here = None if self._is_elsewhere else self._here
        return here.lend() if here is not None else None

    def send(self, request: Request) -> None:
        """Hand one request to whom it is for. Raises EngineError where the system has no memory for it."""
        with self._lock:
            if isinstance(request, Load):
                self._turn(endpoint_model(request.path) is not None)
            elsewhere = self._is_elsewhere
        (self._other() if elsewhere else self._engine()).send(request)

    def cancel(self) -> None:
        """Stop what runs and what waits; acts at once."""
        with self._lock:
            used = self._elsewhere if self._is_elsewhere else self._here
        if used is not None:
            used.cancel()

    def close(self) -> None:
        """End both. No event is delivered afterwards."""
        with ExitStack() as ends:
            for used in (self._here, self._elsewhere):
                if used is not None:
                    ends.callback(used.close)

    # -- inside ----------------------------------------------------------------------------------

    def _turn(self, elsewhere: bool) -> None:
        """From now on the other kind answers."""
        before, self._is_elsewhere = self._is_elsewhere, elsewhere
        if before == elsewhere:
            return
        left = self._here if elsewhere else self._elsewhere
        if left is not None:
            left.cancel()
            left.send(Unload())

    def _engine(self) -> EngineClient:
        with self._lock:
            if self._here is None:
                from desktop.engine.server.client import EngineClient  # with what it needs, it would cost a start

                self._here = EngineClient(self._log_path, self._scratch, self._hear_engine, self._make_way)
            return self._here

    def _other(self) -> EndpointClient:
        with self._lock:
            if self._elsewhere is None:
                from desktop.engine.endpoint.client import EndpointClient

                self._elsewhere = EndpointClient(self._find, self._hear_other)
            return self._elsewhere

    def _hear_engine(self, event: Event | EngineDied) -> None:
        if isinstance(event, EngineDied):
            self._engine_died(event)
        elif not self._is_elsewhere or isinstance(event, Hello):
            self._on_event(event)

    def _engine_died(self, died: EngineDied) -> None:
        """A computer on which no engine runs can still use another's models."""
        with self._lock:
            self._here, elsewhere, other = None, self._is_elsewhere, self._elsewhere
        if not elsewhere:
            if other is not None:
                other.close()  # whoever hears of a death makes another of these
            self._on_event(died)

    def _hear_other(self, event: Event) -> None:
        if self._is_elsewhere:
            self._on_event(event)
