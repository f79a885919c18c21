"""What looks like a secret in text that is written to a log or shown for a report."""

from __future__ import annotations

import re
from collections.abc import Iterable

TOKEN_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
REMOVED = "[removed]"
_SECRET = re.compile(r"\bhf_\w{8,}|(?i:bearer)\s+\S+|(?i:token|api[_-]?key|password)[\"']?\s*[=:]\s*\S{8,}")
_SHORTEST = 8  # a shorter "known" one would take words out of the text


def without_tokens(text: str, known: Iterable[str] = ()) -> str:
    """``text`` without anything that looks like a token, and without the ``known`` ones whatever they look like."""
    for token in known:
        if len(token) >= _SHORTEST:
            text = text.replace(token, REMOVED)
    return _SECRET.sub(REMOVED, text)
