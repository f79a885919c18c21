"""Votes between two that cannot be told apart: how many each has, and what they prove.

Votes without a preference prove nothing either way and are left out, as the sign test does (W. J. Dixon, A. M. Mood,
"The Statistical Sign Test", Journal of the American Statistical Association 41, 1946). The interval is E. B. Wilson's
("Probable Inference, the Law of Succession, and Statistical Inference", the same journal 22, 1927).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_Z = 1.959963984540054  # 95 % of a normal distribution lie within so many standard deviations


@dataclass(frozen=True)
class Tally:
    """Votes for the first, for the second, and for neither."""

    first: int
    second: int
    neither: int = 0

    @property
    def decided(self) -> int:
        """Votes with a preference."""
        return self.first + self.second

    @property
    def chance(self) -> float:
        """How likely so uneven a count, or a more uneven one, would be if both were as good: two-sided, exact."""
        count = self.decided
        most = max(self.first, self.second)
        tail = sum(math.comb(count, k) for k in range(most, count + 1)) / float(1 << count)
        return min(1.0, 2 * tail)

    @property
    def interval(self) -> tuple[float, float]:
        """In which part of all prompts the first would be preferred: the bounds of 95 % confidence, 0 to 1."""
        count = self.decided
        if not count:
            return 0.0, 1.0
        part, square = self.first / count, _Z * _Z
        middle = (part + square / (2 * count)) / (1 + square / count)
        half = _Z / (1 + square / count) * math.sqrt(part * (1 - part) / count + square / (4 * count * count))
        return max(0.0, middle - half), min(1.0, middle + half)
