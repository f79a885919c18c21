"""A dialect is a set of routes with one shape for errors. Which ones there are is said here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from desktop.services.serve.door.failures import DoorError

if TYPE_CHECKING:
    from desktop.services.serve.door.desk import Desk

DIALECT = "heft.dialect"  # where a request's is kept in its scope


@dataclass(frozen=True)
class Dialect:
    """``prefixes`` are the paths that are its own, for errors of requests that no route answers: the first dialect
    with a fitting one. So are requests with its ``header``, whatever their path. ``error`` is the JSON of a refusal,
    ``stream_error`` what is said in the middle of a stream.
    """

    name: str
    prefixes: tuple[str, ...]
    routes: Callable[[Desk], Sequence[Route]]
    error: Callable[[DoorError], dict[str, Any]]
    stream_error: Callable[[DoorError], bytes]
    header: str = ""


def all_dialects() -> tuple[Dialect, ...]:
    """The last one's prefix fits every path."""
    from desktop.services.serve.door.anthropic.dialect import ANTHROPIC
    from desktop.services.serve.door.ollama.dialect import OLLAMA
    from desktop.services.serve.door.openai.dialect import OPENAI
    from desktop.services.serve.door.responses.dialect import RESPONSES

    return (ANTHROPIC, RESPONSES, OLLAMA, OPENAI)
