"""Server-sent events whose name is the ``type`` of their document, as Anthropic and OpenAI's Responses have them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

COMMENT = b": still there\n\n"  # clients read over it
_encode = msgspec.json.Encoder().encode


def written(events: Iterable[dict[str, Any]]) -> bytes:
    """The events as they are sent."""
    return b"".join(b"event: %b\ndata: %b\n\n" % (event["type"].encode(), _encode(event)) for event in events)
