"""OpenAI's shape of an error."""

from __future__ import annotations

from typing import Any

import msgspec

from desktop.services.serve.door.failures import DoorError


def error(failure: DoorError) -> dict[str, Any]:
    """The body of a refusal."""
    fields = {"message": failure.message, "type": failure.type, "param": failure.param, "code": failure.code}
    return {"error": fields}


def stream_error(failure: DoorError) -> bytes:
    """The same in the middle of a stream: clients raise it."""
    return b"data: " + msgspec.json.encode(error(failure)) + b"\n\n"
