"""The services behind the Lab's cards and tabs that came later, made when they are first asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from desktop.services.lab.benching import BenchingService
    from desktop.services.lab.importance import ImportanceService
    from desktop.services.lab.mixing import MixingService
    from desktop.services.lab.tuning import TuningService


@dataclass(frozen=True)
class FurtherServices:
    """Importance matrices, mixes for a size, speed tests, tuning."""

    importance: Callable[[], ImportanceService]
    mixing: Callable[[], MixingService]
    benching: Callable[[], BenchingService]
    tuning: Callable[[], TuningService]
