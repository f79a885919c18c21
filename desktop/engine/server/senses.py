"""What a loaded model takes beside text, as its server tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from desktop.core.projector import MediaKind


@dataclass(frozen=True)
class Senses:
    """``media`` are the kinds; ``marker`` is what stands for one in a prompt, another for each server."""

    media: tuple[MediaKind, ...] = ()
    marker: str = ""

    @classmethod
    def of(cls, props: Mapping[str, Any]) -> Senses:
        """Out of the server's /props (tools/server/README.md)."""
        told = props.get("modalities") or {}
        kinds: tuple[tuple[MediaKind, str], ...] = (("image", "vision"), ("sound", "audio"))
        found = tuple(kind for kind, name in kinds if told.get(name) is True)
        return cls(found, str(props.get("media_marker", "")))


NO_SENSES = Senses()
