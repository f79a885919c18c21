"""Anthropic's dialect as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import Route

from desktop.services.serve.door.anthropic import models, routes
from desktop.services.serve.door.anthropic.errors import error, stream_error
from desktop.services.serve.door.asking import Clerk
from desktop.services.serve.door.desk import Desk
from desktop.services.serve.door.dialects import Dialect
from desktop.services.serve.door.model_facts import FactsReader


def _routes(desk: Desk) -> Sequence[Route]:
    clerk = Clerk(desk, FactsReader())
    return [
        Route("/v1/messages", routes.messages(clerk), methods=["POST"]),
        Route("/v1/messages/count_tokens", routes.counting(clerk), methods=["POST"]),
        models.ForAnthropic("/v1/models", models.listing(desk), methods=["GET"]),
        models.ForAnthropic("/v1/models/{name:path}", models.one(desk), methods=["GET"]),
    ]


ANTHROPIC = Dialect("anthropic", ("/v1/messages",), _routes, error, stream_error, models.VERSION)
