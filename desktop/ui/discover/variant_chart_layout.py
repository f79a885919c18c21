"""Where the points of the variant chart lie and where their labels go; no painting."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from PySide6.QtCore import QPointF, QRectF

from desktop.core.choice import Option
from desktop.core.placement import Fit, Placement
from desktop.core.pools import Pool
from desktop.core.quality import WORST
from desktop.core.units import human_bytes
from desktop.core.words import tr

_NEAR = 1.6  # a limit up to so many times the largest variant is drawn in the chart
_LABEL_HEIGHT = 14.0
_BESIDE = 12.0  # so near to the right of a point a text reads as its label
_BOLDER = 1.12  # the recommended one's name is written bold, and so much wider
_TICKS = 8
_LEAST_SPAN = 3.0  # of the axis, from its beginning to its end: room for sizes to read a single point by


@dataclass(frozen=True)
class VariantMark:
    """One variant. ``index`` is its row's number; ``measured`` False: its place on the quality axis is borrowed.

    ``label`` is where its ``text`` is written, None where there is no room.
    """

    index: int
    name: str
    where: QPointF
    placement: Placement
    recommended: bool
    measured: bool
    label: QRectF | None = None
    text: str = ""


@dataclass(frozen=True)
class Limit:
    """A line beyond which memory of one kind ends; ``x`` None: far to the right of all variants.

    ``last``: beyond it nothing fits; otherwise what lies beyond is slower.
    """

    x: float | None
    words: str
    last: bool


@dataclass(frozen=True)
class ChartLayout:
    """Points in the order of their rows, limits from the left, and round sizes along the axis."""

    points: tuple[VariantMark, ...]
    limits: tuple[Limit, ...]
    ticks: tuple[tuple[float, str], ...]


def limits_of(pools: Sequence[Pool]) -> list[tuple[int, str]]:
    """Bytes at which each kind of memory ends, in words."""
    if not pools:
        return []
    gpus = pools[1:]
    main = pools[0].free_bytes
    if not gpus:
        return [(main, tr("{main} of memory free — beyond, it does not fit", main=human_bytes(main)))]
    free = sum(pool.free_bytes for pool in gpus)
    if any(pool.shared for pool in gpus):
        return [(free, tr("{free} free for the GPU — beyond, it does not fit", free=human_bytes(free)))]
    cards = "VRAM" if len(gpus) == 1 else tr("VRAM on {gpus} cards", gpus=len(gpus))
    return [
        (free, tr("{free} {cards} free — beyond, layers spill to RAM", free=human_bytes(free), cards=cards)),
        (free + main, tr("{free} in all — beyond, it does not fit", free=human_bytes(free + main))),
    ]


def lay_out(
    options: Mapping[int, Option],
    recommended: int | None,
    pools: Sequence[Pool],
    area: QRectF,
    text_width: Callable[[str], float],
    names: Mapping[int, str],
) -> ChartLayout:
    """Points inside ``area``: memory to the right, quality up. Labels that would collide are left out.

    ``options`` and their ``names`` are by number of the row.
    """
    found = [(i, option) for i, option in options.items() if option.fit is not None]
    sizes = [option.fit.memory.total_bytes for _, option in found if option.fit is not None]
    low, high = min(sizes, default=1) * 0.9, max(sizes, default=1) * 1.15
    limits = limits_of(pools)
    beside = _beside_gpu([option.fit for _, option in found if option.fit is not None])
    for size, _ in limits:
        if size < max(sizes, default=0) * _NEAR:
            high = max(high, size * 1.15)
            low = min(low, size * 0.9)

    wider = max(1.0, math.sqrt(_LEAST_SPAN * low / high))
    low, high = low / wider, high * wider

    def x(size: float) -> float:
        return area.left() + math.log(size / low) / math.log(high / low) * area.width()

    points = []
    for i, option in found:
        assert option.fit is not None
        y = area.top() + option.severity / WORST * area.height()
        points.append(
            VariantMark(
                index=i,
                name=names[i],
                where=QPointF(x(option.fit.memory.total_bytes), y),
                placement=option.fit.placement,
                recommended=i == recommended,
                measured=option.quality.measured,
            )
        )
    ticks = tuple((x(size), human_bytes(size).replace(".0 ", " ")) for size in _round_sizes(low, high))
    drawn = tuple(
        Limit(x(size + beside) if size <= high else None, words, (size, words) == limits[-1]) for size, words in limits
    )
    lines = [_Box(limit.x - 1, area.top() - 10, 2, area.height() + 20) for limit in drawn if limit.x is not None]
    return ChartLayout(_labelled(points, lines, area, text_width), drawn, ticks)


def limit_labels(
    limits: Sequence[Limit], room: float, text_width: Callable[[str], float]
) -> dict[int, tuple[QRectF, str]]:
    """Where the words of each limit in view go, by its number, and as much of them as there is room for.

    Right of the line, else left of it; none over another, the last limit's first, inside a width of ``room``.
    """
    found: dict[int, tuple[QRectF, str]] = {}
    for number, limit in reversed(list(enumerate(limits))):
        if limit.x is None:
            continue
        for words in (limit.words, limit.words.partition(" — ")[0]):
            width = text_width(words) + 4
            for left in (limit.x + 5, limit.x - 5 - width):
                spot = QRectF(left, 2, width, _LABEL_HEIGHT)
                free = not any(spot.adjusted(-8, 0, 8, 0).intersects(other) for other, _ in found.values())
                if number not in found and free and left >= 0 and left + width <= room:
                    found[number] = spot, words
    return found


def _round_sizes(low: float, high: float) -> list[float]:
    """Sizes a person would choose for the axis, a handful: it is logarithmic, so they lie closer to the right."""
    for steps in (
        (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9),
        (1, 1.5, 2, 3, 4, 5, 6, 8),
        (1, 2, 3, 5),
        (1, 2, 5),
        (1,),
    ):
        sizes = [step * 10.0**power for power in range(6, 15) for step in steps]
        inside = [size for size in sizes if low <= size <= high]
        if len(inside) <= _TICKS:
            return inside
    return inside


def _beside_gpu(fits: Sequence[Fit]) -> int:
    """What a model that is all on the GPU still holds in main memory (its token embedding): the GPU's limit lies so
    much further right on an axis of all memory."""
    held = [sum(d.total_bytes for d in fit.memory.devices if d.device == 0) for fit in fits if fit.placement == "gpu"]
    return max(held, default=0)


def _labelled(
    points: list[VariantMark], lines: Sequence[_Box], area: QRectF, text_width: Callable[[str], float]
) -> tuple[VariantMark, ...]:
    """Give labels places, the recommended one's first; none over another label, a point or the line of a limit, nor
    beside another point as if it were its name while there is a better place. One without a place is left out.
    """
    dots = [_Box(point.where.x() - 7, point.where.y() - 7, 14, 14) for point in points]
    bounds = (area.left() - 6, area.top() - 10, area.right() + 6, area.bottom() + 12)
    taken: list[_Box] = list(lines)
    placed: dict[int, tuple[_Box, str]] = {}
    for number in sorted(range(len(points)), key=lambda n: (not points[n].recommended, points[n].index)):
        point = points[number]
        others = [dot for other, dot in enumerate(dots) if other != number]
        found = None
        for text in _texts(point):
            width = text_width(text) * (_BOLDER if point.recommended else 1.0) + 2
            spots = [s for s in _spots(point, width) if s.within(*bounds) and not any(map(s.meets, taken))]
            for beside in (_BESIDE, 0.0):
                found = next((s for s in spots if not any(s.meets(dot, beside) for dot in others)), None)
                if found is not None:
                    break
            if found is not None:
                placed[number] = found, text
                taken.append(found)
                break
    return tuple(
        replace(point, label=QRectF(*placed[number][0]), text=placed[number][1]) if number in placed else point
        for number, point in enumerate(points)
    )


def _texts(point: VariantMark) -> tuple[str, ...]:
    """What may stand at a point, the longest first."""
    return (tr("{name} · recommended", name=point.name), point.name) if point.recommended else (point.name,)


class _Box(NamedTuple):
    """A rectangle: plain numbers, since thousands are compared while the slider moves."""

    x: float
    y: float
    width: float
    height: float

    def meets(self, other: _Box, beside: float = 0.0) -> bool:
        """Whether it overlaps another that reaches ``beside`` further to the right."""
        return (
            self.x < other.x + other.width + beside
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )

    def within(self, left: float, top: float, right: float, bottom: float) -> bool:
        """Whether it lies inside these bounds."""
        return left <= self.x and self.x + self.width <= right and top <= self.y and self.y + self.height <= bottom


def _spots(point: VariantMark, width: float) -> list[_Box]:
    """Places for a label in the order of preference: right, above, below, left, then the corners."""
    x, y, gap, half = point.where.x(), point.where.y(), 12.0, _LABEL_HEIGHT / 2
    above, below, right, left = y - gap - _LABEL_HEIGHT, y + gap, x + gap, x - gap - width
    sides = [(right, y - half), (x - width / 2, above), (x - width / 2, below), (left, y - half)]
    corners = [(x, above), (x, below), (x - width, above), (x - width, below)]
    return [_Box(at, top, width, _LABEL_HEIGHT) for at, top in (*sides, *corners)]
