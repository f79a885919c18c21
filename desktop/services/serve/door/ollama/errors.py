"""Ollama's shape of an error."""

from __future__ import annotations

from typing import Any

import msgspec

from desktop.services.serve.door.failures import DoorError


def error(failure: DoorError) -> dict[str, Any]:
    """The body of a refusal."""
    return {"error": failure.message}


def stream_error(failure: DoorError) -> bytes:
    """The same as the last line of a stream: clients raise it."""
    return msgspec.json.encode(error(failure)) + b"\n"
