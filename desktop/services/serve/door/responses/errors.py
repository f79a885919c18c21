"""A failure in the middle of a stream of Responses; before it, OpenAI's shape is that of the other routes."""

from __future__ import annotations

from desktop.services.serve.door.failures import DoorError
from desktop.services.serve.door.sse import written


def stream_error(failure: DoorError) -> bytes:
    """The event ``error``; clients raise it."""
    told = {"type": "error", "code": failure.code, "message": failure.message, "param": failure.param}
    return written([told | {"sequence_number": 0}])
