"""What speculation gave an answer, in words: the same for the line below it, the live panel and the commands."""

from __future__ import annotations

from collections.abc import Mapping

from desktop.core.speculation import gain
from desktop.core.words import tr


def speculation_words(figures: Mapping[str, float]) -> list[str]:
    """``62% of 120 guesses accepted`` and, where it is known, ``40% faster`` (than without guesses); nothing where
    none were made.

    ``figures`` have the names of :class:`desktop.engine.api.Statistics`.
    """
    drafted, accepted = int(figures.get("drafted_tokens", 0)), int(figures.get("accepted_tokens", 0))
    if drafted <= 0:
        return []
    said = [
        tr(
            "{accepted:.0%} of {drafted:,} guesses accepted"
            if drafted != 1
            else "{accepted:.0%} of {drafted:,} guess accepted",
            accepted=accepted / drafted,
            drafted=drafted,
        )
    ]
    found = gain(figures.get("tokens_per_second", 0.0), figures.get("plain_tokens_per_second", 0.0))
    if found is not None:
        said.append(tr("{found} than without", found=_percent(found)))
    return said


def speculation_figure(figures: Mapping[str, float]) -> str:
    """The same in few characters: ``62% of 120 · +40%``; "" where no guesses were made."""
    drafted, accepted = int(figures.get("drafted_tokens", 0)), int(figures.get("accepted_tokens", 0))
    if drafted <= 0:
        return ""
    found = gain(figures.get("tokens_per_second", 0.0), figures.get("plain_tokens_per_second", 0.0))
    right = tr("{accepted:.0%} of {drafted:,}", accepted=accepted / drafted, drafted=drafted)
    return right if found is None else f"{right} · {found:+.0%}"


def _percent(found: float) -> str:
    return tr("{found:.0%} faster", found=found) if found >= 0 else tr("{found:.0%} slower", found=-found)
