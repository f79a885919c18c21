"""OpenAI's Responses as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import Route

from desktop.services.serve.door.asking import Clerk
from desktop.services.serve.door.desk import Desk
from desktop.services.serve.door.dialects import Dialect
from desktop.services.serve.door.model_facts import FactsReader
from desktop.services.serve.door.openai.errors import error
from desktop.services.serve.door.responses.errors import stream_error
from desktop.services.serve.door.responses.routes import Counter
from desktop.services.serve.door.responses.store import ResponseStore


def _routes(desk: Desk) -> Sequence[Route]:
    counter = Counter(Clerk(desk, FactsReader()), ResponseStore())
    found: list[Route] = []
    for prefix in ("/v1/responses", "/responses"):
        found += [
            Route(prefix, counter.create(), methods=["POST"]),
            Route(f"{prefix}/input_tokens", counter.count(), methods=["POST"]),
            Route(f"{prefix}/compact", counter.compact, methods=["POST"]),
            Route(f"{prefix}/{{name}}", counter.retrieve, methods=["GET"]),
            Route(f"{prefix}/{{name}}", counter.delete, methods=["DELETE"]),
            Route(f"{prefix}/{{name}}/input_items", counter.input_items, methods=["GET"]),
        ]
    return found


RESPONSES = Dialect("responses", ("/v1/responses", "/responses"), _routes, error, stream_error)
