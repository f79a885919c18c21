"""Whether a model fits beside those that are loaded, and which of them have to go: figures in, a verdict out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Bytes = Mapping[str, int]
"""Memory by device: "" is main memory, else the engine's name of a graphics device."""

_SHORTEST_LOAD = 0.5  # seconds; below that what a load takes says nothing


@dataclass(frozen=True)
class Holding:
    """A model that holds memory, or is about to. ``busy``: an answer uses it, or it is being loaded.

    ``idle_seconds`` is how long nobody used it, ``load_seconds`` what loading it again takes. ``last``: it goes only
    where all others do not help.
    """

    key: str
    bytes: Bytes
    busy: bool = False
    idle_seconds: float = 0.0
    load_seconds: float = 0.0
    last: bool = False

    @property
    def worth(self) -> tuple[bool, float]:
        """What is used often and slow to load is worth more than what was idle for long and is quick to load."""
        return self.last, max(_SHORTEST_LOAD, self.load_seconds) / max(1e-3, self.idle_seconds)


@dataclass(frozen=True)
class Verdict:
    """``unload`` are the keys of models that have to go. "wait": those in the way are in use, and ``unload`` names
    what would have to go. "too-large": not even an empty computer has the room; ``device`` is the one that lacks it.
    """

    says: Literal["fits", "unload", "wait", "too-large"]
    unload: tuple[str, ...] = ()
    device: str = ""


def decide(need: Bytes, capacity: Bytes, holdings: Sequence[Holding]) -> Verdict:
    """What a load of ``need`` comes to, where all models together may take ``capacity``."""
    for device, size in need.items():
        if size > capacity.get(device, 0):
            return Verdict("too-large", device=device)
    room = _Room(need, capacity, holdings)
    if room.fits(()):
        return Verdict("fits")
    idle = sorted((held for held in holdings if not held.busy), key=lambda held: held.worth)
    chosen = room.least(idle)
    if chosen is not None:
        return Verdict("unload", tuple(held.key for held in chosen))
    rest = sorted((held for held in holdings if held.busy), key=lambda held: held.worth)
    return Verdict("wait", tuple(held.key for held in room.least([*idle, *rest]) or ()))


@dataclass(frozen=True)
class _Room:
    need: Bytes
    capacity: Bytes
    holdings: Sequence[Holding]

    def fits(self, without: Sequence[Holding]) -> bool:
        gone = {held.key for held in without}
        return all(
            size + sum(held.bytes.get(device, 0) for held in self.holdings if held.key not in gone)
            <= self.capacity.get(device, 0)
            for device, size in self.need.items()
            if size
        )

    def least(self, order: Sequence[Holding]) -> list[Holding] | None:
        """The first of ``order`` that make room, without those that turn out not to be needed; None: not even all."""
        chosen: list[Holding] = []
        for held in order:
            if self.fits(chosen):
                break
            chosen.append(held)
        if not self.fits(chosen):
            return None
        for held in reversed(chosen):  # what is worth most is spared first
            rest = [other for other in chosen if other is not held]
            if self.fits(rest):
                chosen = rest
        return chosen
