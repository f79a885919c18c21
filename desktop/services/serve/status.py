"""What the server is doing as one document: for ``heft serve --json``, and from one process of Heft's to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from desktop.services.serve.api import ModelState, RequestRecord
from desktop.services.serve.room import need_of

if TYPE_CHECKING:
    from desktop.services.serve.service import ServeState

RUNNING = ("waiting", "reading", "answering")
_CLIENT_SECONDS = 60.0  # a program counts as a client so long after its last request
_LATEST = 20


def clients(records: Sequence[RequestRecord], now: float) -> int:
    """How many programs use the server: those with a request that runs, or that began within the last minute."""
    return len({
        record.client for record in records
        if record.state in RUNNING or (record.state != "refused" and now - record.asked_at < _CLIENT_SECONDS)
    })  # fmt: skip


def status_document(
    state: ServeState, by: str, pid: int, models: Sequence[ModelState], records: Sequence[RequestRecord]
) -> dict[str, Any]:
    """The document. ``by`` is "window" or "command", ``pid`` that process."""
    return {
        "state": state.phase,
        "address": state.address if state.phase == "on" else None,
        "network": state.network,
        "web_page": state.web_page,
        "served_by": by,
        "pid": pid,
        "models": [_model(found) for found in models],
        "requests": _requests(records),
    }


def off_document() -> dict[str, Any]:
    """The same where nobody serves."""
    return {
        "state": "off",
        "address": None,
        "network": False,
        "web_page": False,
        "served_by": None,
        "pid": None,
        "models": [],
        "requests": _requests(()),
    }


def planned_bytes(found: ModelState) -> int:
    """The memory of a model: what it takes, else what it is planned to take; 0 where that is not known."""
    if found.memory_bytes or found.plan is None or found.plan.fit is None:
        return found.memory_bytes
    return sum(need_of(found.plan).values())


def _model(found: ModelState) -> dict[str, Any]:
    model, plan = found.model, found.plan
    return {
        "name": model.name,
        "aliases": list(model.aliases),
        "kind": model.kind,
        "state": found.phase,
        "answers": found.leases,
        "slots": plan.slots if plan is not None else None,
        "in_chat": found.in_chat,
        "memory_bytes": planned_bytes(found) or None,
        "context": plan.context if plan is not None else None,
        "tokens_per_second": found.tokens_per_second or None,
        "would_go": list(found.would_go),
        "too_large": found.too_large or None,
    }


def _requests(records: Sequence[RequestRecord]) -> dict[str, Any]:
    states = [record.state for record in records]
    return {
        "running": sum(state in RUNNING for state in states),
        "done": states.count("done"),
        "stopped": states.count("stopped"),
        "refused": states.count("refused"),
        "latest": [_request(record) for record in records[:_LATEST]],
    }


def _request(record: RequestRecord) -> dict[str, Any]:
    return {
        "client": record.client,
        "path": record.path,
        "model": record.model,
        "asked_at": record.asked_at,
        "state": record.state,
        "prompt_tokens": record.prompt_tokens,
        "cached_tokens": record.cached_tokens,
        "generated_tokens": record.generated_tokens,
        "seconds_to_first_token": record.seconds_to_first_token,
        "tokens_per_second": record.tokens_per_second,
        "status": record.status,
        "message": record.error,
    }
