"""Picks in words, the same for the window and the commands: each sentence follows from the pick's own figures."""

from __future__ import annotations

from datetime import date
from types import MappingProxyType

from desktop.core.choice_options import READING_SPEED
from desktop.core.picks import ANSWER_TOKENS, FLUENT_SPEED, QUICK_SPEED, RULES, Role
from desktop.core.units import human_bytes, human_time
from desktop.core.words import tr
from desktop.services.discover.picks import Pick, Picks
from desktop.services.planning.words import placement_words, prompt_words, speed

TITLES = MappingProxyType(
    {
        Role.QUICK: tr("Quick"),
        Role.BALANCED: tr("Balanced"),
        Role.BEST: tr("Best"),
        Role.CODING: tr("Coding"),
        Role.VISION: tr("Sees pictures"),
        Role.LONG: tr("Long documents"),
    }
)
_LEAST = MappingProxyType(
    {
        Role.QUICK: tr("{quick_speed:.0f} tokens per second or more", quick_speed=QUICK_SPEED),
        Role.BALANCED: tr("{fluent_speed:.0f} tokens per second or more", fluent_speed=FLUENT_SPEED),
        Role.BEST: tr("reading speed ({reading_speed:.0f} tokens per second) or more", reading_speed=READING_SPEED),
        Role.CODING: tr("reading speed ({reading_speed:.0f} tokens per second) or more", reading_speed=READING_SPEED),
        Role.VISION: tr("reading speed ({reading_speed:.0f} tokens per second) or more", reading_speed=READING_SPEED),
        Role.LONG: tr(
            "reading speed ({reading_speed:.0f} tokens per second) or more and reads it all within ten minutes",
            reading_speed=READING_SPEED,
        ),
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
    context = tr("{context:,} tokens of context", context=pick.plan.context)
    if pick.plan.speeds is None:
        first = tr(
            "The largest of the list that fits here with {context}; how quick it is, is not known.", context=context
        )
    elif pick.meets:
        first = tr(
            "The largest of the list that writes at {least} here, with {context} used.",
            least=_LEAST[pick.roles[-1]],
            context=context,
        )
    else:
        first = tr(
            "With {context}, none of the list writes at {least} here; this one comes closest",
            context=context,
            least=_LEAST[pick.roles[0]],
        )
        first += f"{_wait(pick)}."
    reading = prompt_words(pick.plan.speeds) if {Role.CODING, Role.LONG}.intersection(pick.roles) else ""
    return tr("{first} It reads {reading}.", first=first, reading=reading) if reading else first


def _wait(pick: Pick) -> str:
    """How long a person waits, where that is what was compared."""
    reads = any(rule.reads for rule in RULES if rule.role is pick.roles[0])
    seconds = pick.waiting_seconds if reads else None
    if seconds is None:
        return ""
    return tr(
        ": an answer of {answer_tokens} tokens about {context:,} is there after {seconds}",
        answer_tokens=ANSWER_TOKENS,
        context=pick.plan.context,
        seconds=human_time(seconds),
    )


def offline_words(pick: Pick, picks: Picks) -> str:
    """Why a pick of the table may not open now, and what to do; "" for one of the Hub's lists."""
    if not picks.listed:
        return ""
    why = picks.problem or tr("The Hub could not be asked.")
    return tr(
        "The files of {repo} are on the Hub. {why} Once the Hub answers, press “Look at it” again.",
        repo=pick.repo,
        why=why,
    )


def source_words(picks: Picks) -> str:
    """Where they come from."""
    if not picks.listed:
        return tr("From the Hub's lists of the most downloaded models now, weighed for this computer.")
    year, month = (int(part) for part in picks.listed.split("-"))
    return tr(
        "From Heft's own list of {year:%B %Y}, weighed for this computer: the Hub cannot be "
        "asked now, and there may be newer models.",
        year=date(year, month, 1),
    )


def quicker_words(pick: Pick) -> str:
    """``Qwen3 30B A3B (a mixture of experts, ~ 12 → 9.8 tok/s)``"""
    kind = tr("a mixture of experts") if pick.plan.experts else tr("a smaller sibling")
    return f"{pick.name} ({kind}, {speed(pick.plan.speeds)})"
