"""The body of a request of Ollama's: its examples for curl name no type, and curl then says that it is a form."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from desktop.services.serve.door.desk import Desk

_TYPE = b"content-type"
_FORM = b"application/x-www-form-urlencoded"


async def read_body(desk: Desk, request: Request) -> dict[str, Any]:
    """The JSON object that it carries. Raises DoorError."""
    kept = [
        (name, value) for name, value in request.scope["headers"] if not (name == _TYPE and value.startswith(_FORM))
    ]
    return await desk.body(Request({**request.scope, "headers": kept}, request.receive))
