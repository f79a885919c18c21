"""One message as the transcript shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["user", "assistant"]
State = Literal["complete", "streaming", "stopped", "length", "context-full", "failed", "interrupted"]

CONTINUABLE: frozenset[State] = frozenset({"stopped", "length", "interrupted", "context-full", "failed"})


@dataclass(frozen=True, slots=True)
class TranscriptMessage:
    """A message of the branch on show.

    ``content`` is what was typed or, for the assistant, Markdown. ``note`` is shown under the text as a strip with
    an icon (why it stopped, what failed). ``statistics_line`` is ready to show ("61.4 tok/s · 142 tokens").
    ``sibling_index`` counts from 0. ``model`` is named under an answer when it differs from the one before.
    ``reasoning_open``: the chat template opened the thinking passage, so ``content`` starts inside it.
    ``reasoning_seconds``: how long the thinking took; 0 when it was not measured.
    """

    id: int
    role: Role
    content: str
    state: State = "complete"
    note: str = ""
    statistics_line: str = ""
    sibling_index: int = 0
    sibling_count: int = 1
    model: str = ""
    reasoning_open: bool = False
    reasoning_seconds: float = 0.0
