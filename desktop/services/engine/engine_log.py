"""What the log says of the engine: loads with what they ask for, refusals, deaths, speeds; nothing of any text."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from desktop.engine.api import EngineDied, Event, Failed, Finished, Load, Loaded

if TYPE_CHECKING:
    from desktop.services.engine.supervisor import EngineState

_log = logging.getLogger("desktop.services.engine.supervisor")
_UNLOGGED = ("path", "request_id")


def asked_of(load: Load) -> str:
    """What a load asks for, without the path: only what is set."""
    fields = msgspec.structs.asdict(load)
    return ", ".join(f"{key} {value}" for key, value in fields.items() if key not in _UNLOGGED and value)


def log_state(state: EngineState, event: Event | EngineDied) -> None:
    """Note what happened, after an event that changed the state."""
    name = state.model_name
    match event:
        case Loaded():
            _log.info("loaded %s: context %d, %d bytes", name, event.context_length, event.memory.total_bytes)
            if state.shortfall is not None:
                _log.warning("less on the GPUs than planned: %s", state.shortfall)
        case Failed():
            _log.warning("the engine refused %s: %s", name, event.kind)
        case EngineDied():
            _log.warning("the engine died: %s", event.kind)
        case Finished():
            _log.debug("answered: %s, %.1f tokens per second", event.reason, event.statistics.tokens_per_second)
