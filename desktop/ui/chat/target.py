"""Where in a chat to go."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A message to go to, and a word of it; ``in_reasoning``: to what was thought before it."""

    message_id: int
    in_reasoning: bool = False
    match: str = ""
