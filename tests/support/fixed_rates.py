"""In the place of what predicts speed: figures that a test chooses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from desktop.core.hardware import Machine
from desktop.core.memory import ModelShape, Weights
from desktop.core.placement import Fit
from desktop.core.speed import Speeds


@dataclass(frozen=True)
class Asked:
    """What a speed is asked for."""

    fit: Fit
    fingerprint: str
    flash: bool


class FixedRates:
    """The same for every machine; ``say`` gives the speeds."""

    def __init__(self, say: Callable[[Asked], Speeds]) -> None:
        self._say = say

    def on(self, machine: Machine) -> FixedRates:
        return self

    def speeds(
        self,
        shape: ModelShape,
        weights: Weights,
        quantization: str,
        fit: Fit,
        fingerprint: str = "",
        threads: int = 0,
        *,
        flash: bool = True,
    ) -> Speeds:
        return self._say(Asked(fit, fingerprint, flash))

    @property
    def basis(self) -> object:
        """The same for ever."""
        return self._say

    def without_flash(self, shape: ModelShape, weights: Weights, quantization: str, fit: Fit) -> float:
        """As the figures have it, where they are no guesses."""
        fused, unfused = (self._say(Asked(fit, "", flash)) for flash in (True, False))
        return 1.0 if fused.method == "table" else unfused.full.expected / fused.full.expected
