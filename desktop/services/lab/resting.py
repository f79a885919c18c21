"""Room for two models beside each other: the chat's is put to rest, and the two get processes of their own."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

from desktop.core.cancelled import Cancelled, CancelledError
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.engine.api import Hello, Load
from desktop.engine.server.asked import AskedServer
from desktop.services.engine.supervisor import EngineService
from desktop.services.lab.side import Start
from desktop.store.paths import Paths

_LOOK_SECONDS = 0.1


def starter(paths: Paths, hello: Callable[[], Hello]) -> Start:
    """What loads a side."""

    def known() -> Hello | None:
        try:
            return hello()
        except HeftError:
            return None

    numbers = itertools.cycle((1, 2))

    def start(load: Load, cancelled: Cancelled, told: Callable[[float], None]) -> AskedServer:
        log = paths.logs / f"compared-{next(numbers)}.log"
        return AskedServer(load, log_path=log, directory=paths.scratch, hello=known, cancelled=cancelled, loading=told)

    return start


def rest(engine: EngineService, cancelled: Cancelled) -> None:
    """Free the memory of the chat's model, which comes back with the next question. Raises HeftError "busy" while it
    answers, CancelledError."""
    if engine.state.phase not in ("ready", "asleep", "stopped") or engine.lent:
        raise HeftError(
            tr("The chat's model is in use, and there is no room beside it."),
            tr("Compare when its answer is done."),
            kind=FailureKind.BUSY,
        )
    changed = threading.Event()
    unsubscribe = engine.subscribe(lambda _state: changed.set())
    try:
        engine.sleep()
        while engine.held_plans:
            if cancelled():
                raise CancelledError
            changed.wait(_LOOK_SECONDS)
            changed.clear()
    finally:
        unsubscribe()
