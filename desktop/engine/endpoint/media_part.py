"""A picture or sound as a part of a message, in the words of OpenAI's protocol."""

from __future__ import annotations

import base64
from typing import Any

from desktop.engine.api import Media


def part_of(media: Media) -> dict[str, Any]:
    """``image_url`` with a data URL, or ``input_audio``."""
    if media.kind == "image":
        return {"type": "image_url", "image_url": {"url": f"data:{media.media_type};base64,{base64_of(media)}"}}
    form = "mp3" if media.media_type == "audio/mpeg" else media.media_type.partition("/")[2]
    return {"type": "input_audio", "input_audio": {"data": base64_of(media), "format": form}}


def base64_of(media: Media) -> str:
    """Its bytes as text."""
    return base64.b64encode(media.data).decode()
