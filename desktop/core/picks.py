"""Which model to take, for who has none in mind: one for each purpose, by what it would do on this computer.

Pure: the same contenders always give the same answer. The largest model that is quick enough is taken, which answers
best; where none is, the one that comes closest, and it is said: the quickest one that fits, or where much is read
first, the one whose answer is there soonest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import Literal

from desktop.core.choice_options import READING_SPEED, Goal
from desktop.core.context_length import CODING_CONTEXT
from desktop.core.load_settings import DEFAULT_CONTEXT

Purpose = Literal["chat", "code", "vision", "long"]
LONG_CONTEXT = 100_000  # tokens a model for long documents is trained for, at least
QUICK_SPEED, FLUENT_SPEED = 20.0, 10.0  # tokens per second
PATIENCE_SECONDS = 600.0  # until a document that fills the context is read
ANSWER_TOKENS = 500  # of an answer about what was read: some 350 words


class Role(StrEnum):
    """What a pick is for."""

    QUICK = "quick"
    BALANCED = "balanced"
    BEST = "best"
    CODING = "coding"
    VISION = "vision"
    LONG = "long-documents"


@dataclass(frozen=True)
class Rule:
    """What a role asks of a model: what it is for, the context in tokens, and the least speed with all of it used
    (tokens per second). ``goal`` chooses the variant. ``reads``: what fills the context is read first, so that a
    person waits for that as well; ``patience``: it has to be read in time, too."""

    role: Role
    purpose: Purpose
    context: int
    least: float
    goal: Goal
    reads: bool = False
    patience: bool = False


RULES = (
    Rule(Role.QUICK, "chat", DEFAULT_CONTEXT, QUICK_SPEED, "speed"),
    Rule(Role.BALANCED, "chat", DEFAULT_CONTEXT, FLUENT_SPEED, "balanced"),
    Rule(Role.BEST, "chat", DEFAULT_CONTEXT, READING_SPEED, "quality"),
    Rule(Role.CODING, "code", CODING_CONTEXT, READING_SPEED, "coding", reads=True),
    Rule(Role.VISION, "vision", DEFAULT_CONTEXT, READING_SPEED, "balanced"),
    Rule(Role.LONG, "long", CODING_CONTEXT, READING_SPEED, "balanced", reads=True, patience=True),
)


@dataclass(frozen=True)
class Contender:
    """A model on one computer at a rule's context. ``rate`` is tokens per second with all of it used, 0 where nothing
    is known; ``prompt_seconds`` until a prompt that fills it is read, None where nothing is known."""

    parameters: float
    fits: bool
    rate: float = 0.0
    prompt_seconds: float | None = None

    def meets(self, rule: Rule) -> bool:
        """Whether it is quick enough for the role; a speed that is not known does not count against it."""
        quick = not self.rate or round(self.rate, 1) >= rule.least
        patient = not rule.patience or self.prompt_seconds is None or self.prompt_seconds <= PATIENCE_SECONDS
        return self.fits and quick and patient

    @property
    def waiting_seconds(self) -> float | None:
        """Seconds until a prompt that fills the context is read and an answer to it is written; None where that is not
        known."""
        if self.prompt_seconds is None or not self.rate:
            return None
        return self.prompt_seconds + ANSWER_TOKENS / self.rate


def preferred(rule: Rule, contenders: Sequence[Contender]) -> list[int]:
    """Numbers of those that fit, the one to take first: the largest that is quick enough, then by how near the others
    come to it."""
    fitting = [number for number, one in enumerate(contenders) if one.fits]

    def order(number: int) -> tuple[bool, float]:
        one = contenders[number]
        if one.meets(rule):
            return False, -one.parameters
        if not rule.reads:
            return True, -one.rate
        return True, inf if one.waiting_seconds is None else one.waiting_seconds

    return sorted(fitting, key=order)
