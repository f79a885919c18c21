"""GET /v1/models and /v1/models/NAME as Anthropic's clients know them: https://docs.anthropic.com/en/api/models-list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Scope

from desktop.services.serve.api import ServedModel
from desktop.services.serve.door.desk import Desk
from desktop.services.serve.door.failures import bad_field

Endpoint = Callable[[Request], Awaitable[ASGIApp]]

VERSION = "anthropic-version"  # the header that all of Anthropic's clients send, and no others
_PAGE, _LARGEST_PAGE = 20, 1000


class ForAnthropic(Route):
    """A route for Anthropic's clients, where another dialect has the same path."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Nothing without the header."""
        return super().matches(scope) if VERSION in Headers(scope=scope) else (Match.NONE, {})


def listing(desk: Desk) -> Endpoint:
    """All models, in pages."""

    async def answer(request: Request) -> ASGIApp:
        found = await desk.models()
        return JSONResponse(_page(found, request.query_params))

    return answer


def one(desk: Desk) -> Endpoint:
    """One by name or alias."""

    async def answer(request: Request) -> ASGIApp:
        return JSONResponse(described(*await desk.model_and_context(request.path_params["name"])))

    return answer


def described(model: ServedModel, context: int) -> dict[str, Any]:
    """A model as Anthropic's list has it, with the context that a request gets."""
    return {
        "type": "model",
        "id": model.name,
        "display_name": model.ref.name,
        "created_at": datetime.fromtimestamp(model.modified, UTC).isoformat().replace("+00:00", "Z"),
        "max_input_tokens": context or None,
        "max_tokens": context or None,
        "capabilities": None,
        "lifecycle": "active",
        "line": None,
        "deprecated_at": None,
        "retires_at": None,
    }


def _page(models: list[tuple[ServedModel, int]], query: QueryParams) -> dict[str, Any]:
    size = query.get("limit", str(_PAGE))
    if not (size.isascii() and size.isdecimal() and 1 <= int(size[:5]) <= _LARGEST_PAGE):
        raise bad_field("limit", f"'limit': is to be 1 to {_LARGEST_PAGE}.")
    names = [model.name for model, _ in models]
    begin, end = _after(names, query.get("after_id")), _before(names, query.get("before_id"))
    if query.get("before_id"):
        begin = max(begin, end - int(size))
    shown = models[begin:end][: int(size)]
    data = [described(*each) for each in shown]
    more = begin > 0 if query.get("before_id") else begin + len(shown) < end
    return {
        "data": data,
        "has_more": more,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
    }


def _after(names: list[str], name: str | None) -> int:
    return names.index(name) + 1 if name in names else 0


def _before(names: list[str], name: str | None) -> int:
    return names.index(name) if name in names else len(names)
