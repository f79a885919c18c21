"""A plan's figures in words, the same for pages and commands."""

from __future__ import annotations

from desktop.core.load_plan import Speeds
from desktop.core.speed import Rate


def rate_figure(rate: Rate) -> str:
    """Tokens per second as a figure with as many digits as it deserves."""
    return f"{rate.expected:.0f}" if rate.expected >= 10 else f"{rate.expected:.1f}"


def speeds_words(speeds: Speeds | None) -> str:
    """``31 → 21 tok/s (empty → full context of 32,768 tokens)``; "" where nothing is known."""
    if speeds is None:
        return ""
    figures = f"{rate_figure(speeds.empty)} → {rate_figure(speeds.full)} tok/s"
    return f"{figures} (empty → full context of {speeds.context:,} tokens)"
