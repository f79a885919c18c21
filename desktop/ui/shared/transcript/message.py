"""One message as the transcript shows it."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Literal

from desktop.core.attachments import Attachment
from desktop.core.words import tr

Role = Literal["user", "assistant"]
State = Literal["complete", "streaming", "stopped", "length", "context-full", "failed", "interrupted"]

CONTINUABLE: frozenset[State] = frozenset({"stopped", "length", "interrupted", "context-full", "failed"})


@dataclass(frozen=True, slots=True)
class ShownCall:
    """A tool that an answer called, behind ``at`` characters of its content.

    ``label`` is what its line says, ``arguments`` and ``result`` are what is folded below it, ``notes`` sentences
    under them. ``asks``: a person has to decide about it, so it is unfolded.
    """

    id: str
    label: str
    arguments: str
    result: str = ""
    notes: tuple[str, ...] = ()
    at: int = 0
    asks: bool = False
    failed: bool = False


@dataclass(frozen=True, slots=True)
class TranscriptMessage:
    """A message of the branch on show.

    ``content`` is what was typed or, for the assistant, Markdown. ``note`` is shown under the text as a strip with
    an icon (why it stopped, what failed). ``statistics_line`` is ready to show ("61.4 tok/s · 142 tokens").
    ``sibling_index`` counts from 0. ``model`` is named under an answer when it differs from the one before.
    ``reasoning`` is what the model thought before, Markdown too; ``reasoning_seconds`` how long that took, 0 when it
    was not measured. ``ends_unseen``: the model sees neither this message nor those above it.
    ``created`` (Unix seconds, 0 where it is unknown) is said on hover. ``attachments`` went out with it. ``calls`` are
    the tools that it called.
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
    reasoning: str = ""
    reasoning_seconds: float = 0.0
    ends_unseen: bool = False
    created: float = 0.0
    attachments: tuple[Attachment, ...] = ()
    calls: tuple[ShownCall, ...] = ()

    @property
    def has_text(self) -> bool:
        """Whether anything was said in it, or thought."""
        return bool(self.content.strip() or self.reasoning.strip())

    @property
    def said_by(self) -> str:
        """Who wrote it, and when: "Qwen3, 28 November 2026, 09:01"; empty where the time is unknown."""
        who = tr("You") if self.role == "user" else self.model or tr("Assistant")
        moment = datetime.datetime.fromtimestamp(self.created)
        return f"{who}, {moment.day} {moment:%B %Y, %H:%M}" if self.created else ""

    @property
    def can_go_on(self) -> bool:
        """Whether it was cut, and there is something to go on with."""
        return self.state in CONTINUABLE and self.has_text


@dataclass(frozen=True, slots=True)
class Addition:
    """What streams into a message. ``turned``: all its text so far turned out to be reasoning.

    ``reasoning_seconds``: how long the model has been thinking by now, 0 where that is not known.
    """

    text: str = ""
    reasoning: str = ""
    turned: bool = False
    reasoning_seconds: float = 0.0

    def then(self, later: Addition) -> Addition:
        """Both as one."""
        seconds = later.reasoning_seconds or self.reasoning_seconds
        if later.turned:
            return Addition(later.text, self.reasoning + self.text + later.reasoning, True, seconds)
        return Addition(self.text + later.text, self.reasoning + later.reasoning, self.turned, seconds)
