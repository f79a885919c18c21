"""What earlier runs teach: how far predictions on this computer were off, and how far apart the runs lie.

All estimates are robust (medians of logarithms). Those from other models' runs shrink towards "no correction" while
there are few: one odd run, on a machine that was busy, must not spoil what was calibrated. A model's own runs are what
was measured, and shown as that.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from desktop.core.speed.predict import Rate

_FEW = 3.0  # runs of other models that weigh as much as "no correction"
_FEW_SAME = 0.5  # of the same model: so many say what its spread is; its own measurement counts at once
_FLOOR = 0.03  # runs of one model differ by this much on an idle machine
_MAD_TO_SIGMA = 1.4826  # of a normal distribution
_UNKNOWN = math.log(1.35)  # spread of predictions before any run, weighed in while there are few


@dataclass(frozen=True)
class Experience:
    """One earlier run: what the model of time said without any correction, and what was measured."""

    predicted: float
    measured: float
    same_model: bool
    kind: str = ""

    @property
    def log_ratio(self) -> float:
        return math.log(self.measured / self.predicted)


@dataclass(frozen=True)
class Correction:
    """Multiply a prediction by ``factor``; afterwards it holds within ``band`` (relative). ``runs`` it rests on."""

    factor: float = 1.0
    band: float | None = None
    runs: int = 0
    same_model: bool = False


def correction(experience: Iterable[Experience], kind: str = "") -> Correction:
    """From the runs of the same model when there are any, else those of its quantization type, else all."""
    usable = [one for one in experience if one.predicted > 0 and one.measured > 0]
    same = [one.log_ratio for one in usable if one.same_model]
    if same:
        return _correct(same, _FEW_SAME, math.log(1.15), same_model=True)
    alike = [one.log_ratio for one in usable if kind and one.kind == kind]
    ratios = alike if len(alike) >= 2 else [one.log_ratio for one in usable]
    return _correct(ratios, _FEW, _UNKNOWN, same_model=False) if ratios else Correction()


def apply(rate: Rate, found: Correction) -> Rate:
    """The corrected rate; its band is that of the runs when they know better."""
    expected = rate.expected * found.factor
    if found.band is None:
        return rate
    low = max(rate.low * found.factor, expected / (1 + found.band))
    high = min(rate.high * found.factor, expected * (1 + found.band))
    return Rate(low, expected, high)


def errors(pairs: Iterable[tuple[float, float]]) -> list[float]:
    """Relative errors of (predicted, measured), ascending; pairs without both are left out."""
    return sorted(abs(predicted / measured - 1) for predicted, measured in pairs if predicted > 0 and measured > 0)


def _correct(ratios: Sequence[float], few: float, unknown: float, *, same_model: bool) -> Correction:
    count = len(ratios)
    middle = statistics.median(ratios)
    spread = _MAD_TO_SIGMA * statistics.median(abs(ratio - middle) for ratio in ratios)
    weight = count / (count + few)
    # the little that few runs say about their spread is mixed with what is known of predictions in general
    sigma = math.sqrt(weight * spread**2 + (1 - weight) * unknown**2)
    counted = 1.0 if same_model else weight
    return Correction(math.exp(counted * middle), max(_FLOOR, math.expm1(sigma)), count, same_model)
