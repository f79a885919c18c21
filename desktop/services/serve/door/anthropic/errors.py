"""Failures in Anthropic's words: https://docs.anthropic.com/en/api/errors."""

from __future__ import annotations

import re
import secrets
from typing import Any

from desktop.services.serve.door.failures import TOO_LONG, DoorError
from desktop.services.serve.door.sse import written

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def error(failure: DoorError) -> dict[str, Any]:
    """The body of a refusal. Its type is what clients compare."""
    kind = _TYPES.get(failure.status, "invalid_request_error" if 400 <= failure.status < 500 else "api_error")
    told = {"type": kind, "message": _message(failure)}
    return {"type": "error", "error": told, "request_id": f"req_{secrets.token_hex(12)}"}


def _message(failure: DoorError) -> str:
    """A prompt that does not fit is told in Anthropic's words: Claude Code shortens its conversation at them."""
    if failure.code != TOO_LONG:
        return failure.message
    figures = re.findall(r"\d+", failure.message)
    if len(figures) != 2:
        return f"prompt is too long: {failure.message}"
    context, needed = figures
    return f"prompt is too long: {needed} tokens > {context} maximum"


def stream_error(failure: DoorError) -> bytes:
    """The same in the middle of a stream."""
    return written([error(failure)])
