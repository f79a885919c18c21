"""A comparison in words."""

from __future__ import annotations

from desktop.core.next_token import Thought
from desktop.core.vote_tally import Tally
from desktop.core.words import tr
from desktop.services.lab.comparing import Compared, Comparison

_SURE = 0.05  # a count that chance alone makes so rarely is taken for a difference


def way_words(prospect: Comparison) -> str:
    """How the two will be asked."""
    if not prospect.together:
        words = tr("One after the other: each has the whole computer.")
    elif prospect.halves:
        words = tr("Side by side: they share this computer's cores, so each is slower than alone.")
    else:
        words = tr("Side by side.")
    return words + (tr(" The chat's model rests meanwhile.") if prospect.rests else "")


def thought_words(thoughts: tuple[Thought, Thought], names: tuple[str, str]) -> list[str]:
    """What each held of its own token and of the other's."""
    return [
        tr(
            "{name} held {own} for likely at {one}, and {other} at {other_probability}.",
            name=name,
            own=_token(one.own),
            one=_part(one),
            other=_token(one.other),
            other_probability=probability_words(one.other_probability, one),
        )
        for one, name in zip(thoughts, names, strict=True)
    ]


def parting_words(found: Compared) -> str:
    """Where the two part."""
    if found.in_reasoning:
        return tr("They part in their reasoning, before the answer begins.")
    if found.difference is None:
        return tr("Both say the same.")
    if not found.difference.at:
        return tr("They part at the first character.")
    return tr("They part after {at:,} characters.", at=found.difference.at)


def probability_words(probability: float | None, of: Thought) -> str:
    """A probability of a token, or what it is below."""
    if probability is None:
        least = of.tokens[-1].probability if of.tokens else 1.0
        return tr("less than {least}", least=_percent(least))
    return _percent(probability)


def tally_words(tally: Tally, names: tuple[str, str]) -> str:
    """The votes, and what they prove."""
    if not tally.decided:
        return tr("No vote says yet which is better.") + (
            tr(" {neither} found no difference.", neither=tally.neither) if tally.neither else ""
        )
    ahead = 0 if tally.first >= tally.second else 1
    most, least = max(tally.first, tally.second), min(tally.first, tally.second)
    neither = tr(", {neither} found no difference", neither=tally.neither) if tally.neither else ""
    low, high = tally.interval if ahead == 0 else (1 - tally.interval[1], 1 - tally.interval[0])
    count = tr(
        "{names} was preferred {most} to {least}{neither}.", names=names[ahead], most=most, least=least, neither=neither
    )
    if most == least:
        count = tr("{most} votes for each{neither}.", most=most, neither=neither)
    sure = tr("That is more than chance") if tally.chance < _SURE else tr("That may be chance")
    return tr(
        "{count} {sure}: models that are equally good would come out so unevenly in "
        "{chance:.0%} of such series. With 95 % confidence it is preferred in {low:.0%} to "
        "{high:.0%} of prompts like these.",
        count=count,
        sure=sure,
        chance=tally.chance,
        low=low,
        high=high,
    )


def token_words(text: str) -> str:
    """A token as it can be read."""
    return tr("end of the answer") if not text else text.replace("\n", "⏎").replace("\t", "⇥")


def _token(text: str) -> str:
    return tr("the end of the answer") if not text else f"“{token_words(text)}”"


def _part(one: Thought) -> str:
    return probability_words(one.own_probability, one)


def _percent(value: float) -> str:
    return f"{value:.1%}" if value >= 0.001 else f"{value:.2g}"
