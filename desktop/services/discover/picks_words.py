"""Picks in words, the same for the window and the commands: each sentence follows from the pick's own figures."""

from __future__ import annotations

from datetime import date
from types import MappingProxyType

from desktop.core.choice_options import READING_SPEED
from desktop.core.picks import ANSWER_TOKENS, FLUENT_SPEED, QUICK_SPEED, RULES, Role
from desktop.core.units import human_bytes, human_time
from desktop.services.discover.picks import Pick, Picks
from desktop.services.planning.words import placement_words, prompt_words, speed

TITLES = MappingProxyType(
    {
        Role.QUICK: "Quick",
        Role.BALANCED: "Balanced",
        Role.BEST: "Best",
        Role.CODING: "Coding",
        Role.VISION: "Sees pictures",
        Role.LONG: "Long documents",
    }
)
_LEAST = MappingProxyType(
    {
        Role.QUICK: f"{QUICK_SPEED:.0f} tokens per second or more",
        Role.BALANCED: f"{FLUENT_SPEED:.0f} tokens per second or more",
        Role.BEST: f"reading speed ({READING_SPEED:.0f} tokens per second) or more",
        Role.CODING: f"reading speed ({READING_SPEED:.0f} tokens per second) or more",
        Role.VISION: f"reading speed ({READING_SPEED:.0f} tokens per second) or more",
        Role.LONG: f"reading speed ({READING_SPEED:.0f} tokens per second) or more and reads it all within ten minutes",
    }
)


def title(pick: Pick) -> str:
    """``Balanced · Best``"""
    return " · ".join(TITLES[role] for role in pick.roles)


def figures(pick: Pick) -> str:
    """Memory, place and speed at its context, and how long that takes to read."""
    plan, fit = pick.plan, pick.plan.fit
    assert fit is not None
    found = [f"{pick.variant}", f"~ {human_bytes(fit.memory.total_bytes)}", placement_words(fit)]
    found += [speed(plan.speeds)] if plan.speeds is not None else []
    return " · ".join(found)


def reason(pick: Pick) -> str:
    """Why this one, in a sentence or two."""
    context = f"{pick.plan.context:,} tokens of context"
    if pick.plan.speeds is None:
        first = f"The largest of the list that fits here with {context}; how quick it is, is not known."
    elif pick.meets:
        first = f"The largest of the list that writes at {_LEAST[pick.roles[-1]]} here, with {context} used."
    else:
        first = f"With {context}, none of the list writes at {_LEAST[pick.roles[0]]} here; this one comes closest"
        first += f"{_wait(pick)}."
    reading = prompt_words(pick.plan.speeds) if {Role.CODING, Role.LONG}.intersection(pick.roles) else ""
    return f"{first} It reads {reading}." if reading else first


def _wait(pick: Pick) -> str:
    """How long a person waits, where that is what was compared."""
    reads = any(rule.reads for rule in RULES if rule.role is pick.roles[0])
    seconds = pick.waiting_seconds if reads else None
    if seconds is None:
        return ""
    return f": an answer of {ANSWER_TOKENS} tokens about {pick.plan.context:,} is there after {human_time(seconds)}"


def offline_words(pick: Pick, picks: Picks) -> str:
    """Why a pick of the table may not open now, and what to do; "" for one of the Hub's lists."""
    if not picks.listed:
        return ""
    why = picks.problem or "The Hub could not be asked."
    return f"The files of {pick.repo} are on the Hub. {why} Once the Hub answers, press “Look at it” again."


def source_words(picks: Picks) -> str:
    """Where they come from."""
    if not picks.listed:
        return "From the Hub's lists of the most downloaded models now, weighed for this computer."
    year, month = (int(part) for part in picks.listed.split("-"))
    return (
        f"From Heft's own list of {date(year, month, 1):%B %Y}, weighed for this computer: the Hub cannot be asked "
        "now, and there may be newer models."
    )


def quicker_words(pick: Pick) -> str:
    """``Qwen3 30B A3B (a mixture of experts, ~ 12 → 9.8 tok/s)``"""
    kind = "a mixture of experts" if pick.plan.experts else "a smaller sibling"
    return f"{pick.name} ({kind}, {speed(pick.plan.speeds)})"
