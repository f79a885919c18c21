"""What lets a model see pictures or hear: a projector, and the memory that it takes beside the model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

MediaKind = Literal["image", "sound"]


@dataclass(frozen=True)
class Projector:
    """A projector's file."""

    path: Path
