"""A plan's figures in words, the same for pages and commands."""

from __future__ import annotations

from desktop.core.placement import Fit
from desktop.core.speed import Rate, Speeds
from desktop.core.units import human_bytes

_WIDE = 0.3  # of a rate: a band beyond it is no figure with an error any more


def speed(speeds: Speeds | None, *, unit: bool = True) -> str:
    """Tokens per second from an empty to a full context: ``31 → 21 tok/s``, ``~ 31 → 21 tok/s`` where the band is wide,
    one figure where both are the same. ``unit`` False leaves the unit to a column's title.
    """
    if speeds is None:
        return "–"
    first, last = _figure(speeds.empty.expected), _figure(speeds.full.expected)
    about, end = "~ " if _spread(speeds.full) > _WIDE * speeds.full.expected else "", " tok/s" if unit else ""
    return f"{about}{first}{end}" if first == last else f"{about}{first} → {last}{end}"


def speed_details(speeds: Speeds | None) -> str:
    """Both speeds with their bands, a line each, for a tooltip; "" where nothing is known."""
    if speeds is None:
        return ""
    return (
        f"{_banded_rate(speeds.empty)} with an empty context →\n"
        f"{_banded_rate(speeds.full)} with all {speeds.context:,} tokens used"
    )


def placement_words(fit: Fit) -> str:
    """A verdict: ``all on GPU``, ``31 of 36 layers on GPU``, ``too large by 10.2 GB``."""
    match fit.placement:
        case "gpu":
            return "all on GPU"
        case "partial":
            return f"{fit.gpu_layers} of {fit.layers} layers on GPU"
        case "experts-in-ram":
            return "experts in RAM"
        case "cpu":
            return "CPU only"
    return f"too large by {human_bytes(fit.short_by_bytes)}"


def _banded_rate(rate: Rate) -> str:
    """``49 ± 4 tok/s``, ``12 to 30 tok/s`` where the band is wide."""
    spread = _spread(rate)
    if spread > _WIDE * rate.expected:
        return f"{_figure(rate.low)} to {_figure(rate.high)} tok/s"
    return f"{_figure(rate.expected)} ± {_figure(spread)} tok/s"


def _spread(rate: Rate) -> float:
    return (rate.high - rate.low) / 2


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
