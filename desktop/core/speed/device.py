"""How quick one device is: seconds per byte, layer and cell, calibrated on it or taken from tables."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import msgspec

from desktop.core.link import Link

_LEAST_GROUPED = 0.5  # of what groups of the usual size take: a measurement that says less is noise
DRIFT = 0.1  # a type measured twice within a minute differs by less on an idle computer


class SpeedSample(msgspec.Struct, frozen=True):
    """Seconds per byte read while writing, for a model that holds ``bytes`` of weights on the device."""

    bytes: float
    seconds_per_byte: float


class TypeSpeed(msgspec.Struct, frozen=True):
    """One quantization type. ``points`` ascend by size: a larger model misses caches and TLB more often.

    ``prompt`` is seconds per weight and token while a prompt is read in batches. ``uncertainty`` is relative
    (0.1: the truth lies within about a tenth). The factors are :class:`DeviceSpeed`'s for this type, 0 where only
    those are known: kernels for experts are others than for plain matrices, and not for every type.
    """

    points: tuple[SpeedSample, ...]
    prompt: float
    uncertainty: float
    expert_factor: float = 0.0
    expert_prompt_factor: float = 0.0

    def seconds_per_byte(self, resident_bytes: float) -> float:
        """Between the points linear in the logarithm of the size, beyond them the nearest one's."""
        first, last = self.points[0], self.points[-1]
        if resident_bytes <= first.bytes:
            return first.seconds_per_byte
        if resident_bytes >= last.bytes:
            return last.seconds_per_byte
        low, high = next(
            pair for pair in zip(self.points, self.points[1:], strict=False) if resident_bytes <= pair[1].bytes
        )
        part = math.log(resident_bytes / low.bytes) / math.log(high.bytes / low.bytes)
        return low.seconds_per_byte + part * (high.seconds_per_byte - low.seconds_per_byte)


class AttentionSample(msgspec.Struct, frozen=True):
    """Attention of heads of ``head`` elements over ``cells`` cells: seconds per cell and unit of width, on average.

    ``decode`` while writing, ``prompt`` while reading. ``group`` heads share one key and value (grouped-query
    attention; 1: each has its own).
    """

    head: int
    cells: int
    decode: float
    prompt: float
    group: int = 4


class AttentionSpeed(msgspec.Struct, frozen=True):
    """Attention over a cache of one type: seconds per cell and multiplication, or per byte of the cache.

    A CPU computes (``decode``, ``prompt``: seconds per cell and unit of width); a GPU waits for its memory
    (``seconds_per_byte``). What does not matter is 0. Where there are ``samples``, of at least two depths for each size
    of heads, these count: kernels are chosen by type, depth and head, and a deep cache lies in no core's own memory.
    """

    decode: float = 0.0
    prompt: float = 0.0
    seconds_per_byte: float = 0.0
    samples: tuple[AttentionSample, ...] = ()

    def writing(self, head: float, cells: float, group: float = 4) -> float:
        """Seconds per unit of width for one token over so many cells, ``group`` heads to a key and value."""
        if not self.samples:
            return self.decode * cells
        return self._between(head, group, lambda alike: _along(alike, cells))

    def reading(self, head: float, group: float = 4) -> float:
        """Seconds per unit of width and cell while a prompt is read."""
        return self._between(head, group, lambda alike: alike[-1].prompt) if self.samples else self.prompt

    def _of(self, head: int, group: int) -> list[AttentionSample]:
        alike = (one for one in self.samples if (one.head, one.group) == (head, group))
        return sorted(alike, key=lambda one: one.cells)

    def _between(self, head: float, group: float, value: Callable[[list[AttentionSample]], float]) -> float:
        """Between the measured sizes of heads linear in the logarithm, beyond them the nearest one's; then as many
        times that as groups of this size take, with the size of heads that was measured with several.
        """
        usual = self.samples[0].group
        sizes = sorted({one.head for one in self.samples if one.group == usual})
        below = [size for size in sizes if size <= head]
        above = [size for size in sizes if size > head]
        if not below or not above:
            found = value(self._of(below[-1] if below else above[0], usual))
        else:
            part = math.log(head / below[-1]) / math.log(above[0] / below[-1])
            low, high = value(self._of(below[-1], usual)), value(self._of(above[0], usual))
            found = low + part * (high - low)
        return found * self._grouped(group, usual, value)

    def _grouped(self, group: float, usual: int, value: Callable[[list[AttentionSample]], float]) -> float:
        """How many times longer than in groups of the usual size.

        Each head computes alike, and what it reads is shared by its group: a + b / group, from two sizes of groups.
        """
        other = next((one for one in self.samples if one.group != usual), None)
        if other is None or group == usual:
            return 1.0
        alike, unlike = value(self._of(other.head, usual)), value(self._of(other.head, other.group))
        if alike <= 0:
            return 1.0
        read = (unlike / alike - 1) / (1 / other.group - 1 / usual)
        return max(_LEAST_GROUPED, 1 + read * (1 / max(group, 1) - 1 / usual))


def _along(samples: list[AttentionSample], cells: float) -> float:
    """Seconds per unit of width over so many cells: straight from point to point, and on as between the last two."""
    points = [(0.0, 0.0), *((float(one.cells), one.decode * one.cells) for one in samples)]
    at = next((i for i, (depth, _) in enumerate(points[1:], 1) if cells <= depth), len(points) - 1)
    (low, before), (high, after) = points[at - 1], points[at]
    return before + (cells - low) * (after - before) / (high - low)


class DeviceSpeed(msgspec.Struct, frozen=True):
    """One device's speed.

    ``layer_seconds`` is what a layer takes beside its matrices and ``width_seconds`` what it takes more for each
    element of its width (the embedding's length), ``token_seconds`` what a token takes beside its
    layers, ``vocabulary_seconds`` the drawing of the next token per entry of the vocabulary. ``expert_factor``:
    bytes read through a choice of experts take that many times longer while writing, ``expert_prompt_factor`` their
    multiplications while reading (each expert gets a few tokens of a batch only). ``attention`` is that of flash
    attention by type of cache, ``unfused`` that without. ``link`` leads to a device of another computer.
    """

    method: Literal["calibrated", "table"]
    types: dict[str, TypeSpeed]
    attention: dict[str, AttentionSpeed]
    layer_seconds: float = 0.0
    token_seconds: float = 0.0
    vocabulary_seconds: float = 0.0
    expert_factor: float = 1.0
    expert_prompt_factor: float = 1.0
    unfused: dict[str, AttentionSpeed] = {}
    width_seconds: float = 0.0
    link: Link | None = None

    def beside_matrices(self, width: float) -> float:
        """Seconds of one layer of so many elements beside its matrices."""
        return self.layer_seconds + width * self.width_seconds


class Calibration(msgspec.Struct, frozen=True):
    """A machine's devices as calibrated: ``devices`` by name, "cpu" among them.

    ``machine`` is the key of machine, engine and threads it holds for; ``measured_at`` ISO 8601 in UTC;
    ``busy`` says that other programs were at work while it was measured. ``drift`` is how much longer (0.1: a tenth)
    the first type took when it was measured again at the end, than at its quickest before.
    """

    machine: str
    measured_at: str
    threads: int
    devices: dict[str, DeviceSpeed]
    busy: bool = False
    drift: float = 0.0

    @property
    def drifted(self) -> bool:
        """Whether the computer was not the same from beginning to end."""
        return abs(self.drift) > DRIFT
