"""Which parts of a large tensor stand for all of it: whole rows, or whole blocks of rows, spread evenly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from desktop.core.quants import TensorType

PART_WEIGHTS = 1 << 16  # weights of the largest part; a multiple of every block size


@dataclass(frozen=True)
class Sample:
    """``taken`` of ``parts`` parts of ``part_weights`` weights each; all of them when the tensor is small enough."""

    part_weights: int
    parts: int
    taken: int

    @property
    def weights(self) -> int:
        """Weights in the sample."""
        return self.taken * self.part_weights

    def indices(self) -> Iterator[int]:
        """The parts taken, in ascending order: the middles of ``taken`` equal stretches."""
        for number in range(self.taken):
            yield (2 * number + 1) * self.parts // (2 * self.taken)


def plan(shape: tuple[int, ...], kind: TensorType, limit: int) -> Sample:
    """A sample of at most ``limit`` weights (at least one part) of a tensor; shape in ggml's order, row length first.

    A part is a row, or a piece of one when rows are longer than PART_WEIGHTS or the limit.
    """
    total = 1
    for length in shape:
        total *= length
    row = shape[0] if shape else 1
    part = row if row <= min(PART_WEIGHTS, limit) else _divisor(row, kind.block, min(PART_WEIGHTS, limit))
    parts = total // part
    return Sample(part, parts, max(1, min(parts, limit // part)))


def _divisor(row: int, block: int, most: int) -> int:
    """The largest whole number of blocks that divides a row and is at most ``most`` (or one block)."""
    blocks = row // block
    for count in range(max(1, most // block), 0, -1):
        if blocks % count == 0:
            return count * block
    return block


@dataclass(frozen=True)
class Runs:
    """Parts of a tensor that lie together, for sources where every jump costs: ``(first part, number)`` of each run.

    A part has ``part_weights`` weights in ``part_bytes`` bytes; the tensor has ``parts`` of them.
    """

    part_weights: int
    part_bytes: int
    parts: int
    runs: tuple[tuple[int, int], ...]

    @property
    def taken(self) -> int:
        """Parts in all runs."""
        return sum(count for _, count in self.runs)

    @property
    def bytes(self) -> int:
        """Bytes of all runs."""
        return self.taken * self.part_bytes

    @property
    def whole(self) -> bool:
        """Whether nothing is left out."""
        return self.taken == self.parts


def runs(shape: tuple[int, ...], kind: TensorType, most_bytes: int, most_runs: int) -> Runs:
    """All of a tensor when it is small enough, else equal runs around the middles of equal stretches.

    Shape in ggml's order, whole rows of blocks. At least one part is taken, even where it is larger.
    """
    total = 1
    for length in shape:
        total *= length
    sample = plan(shape, kind, total)
    each = kind.size(sample.part_weights)
    if sample.parts * each <= most_bytes:
        return Runs(sample.part_weights, each, sample.parts, ((0, sample.parts),))
    taken = max(1, most_bytes // each)
    count = min(most_runs, taken)
    length = taken // count
    starts = ((2 * number + 1) * sample.parts // (2 * count) - length // 2 for number in range(count))
    return Runs(sample.part_weights, each, sample.parts, tuple((start, length) for start in starts))
