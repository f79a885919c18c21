"""The Lab's figures in words."""

from __future__ import annotations

from desktop.core.quality import MeasuredHere, Quality
from desktop.core.speed import Speeds


def speed_words(speeds: Speeds | None) -> str:
    """Tokens per second with an empty and with a full context."""
    if speeds is None:
        return "not known"
    return f"{speeds.empty.expected:.3g} tokens per second, {speeds.full.expected:.3g} with a full context (predicted)"


def loss_words(quality: Quality) -> str:
    """What was published of a type's loss."""
    if quality.kld_low is None or quality.kld_high is None:
        return quality.label
    low, high = f"{quality.kld_low:.4g}", f"{quality.kld_high:.4g}"
    band = low if low == high else f"{low} to {high}"
    return f"{quality.label}: mean KL divergence {band} in published measurements of other models"


def measured_words(here: MeasuredHere) -> str:
    """What was measured of a file on this computer, as a sentence."""
    return f"Measured here on {here.text}: KLD {here.kld:.3g} ± {here.error:.1g} from {here.reference}."
