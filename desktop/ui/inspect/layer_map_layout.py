"""What the layer map holds and where it lies: pure geometry, in logical pixels."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from desktop.core.layers import Grid
from desktop.core.words import tr

HEAD = 22.0  # of a section: its title and the layers' numbers
GAP = 10.0  # between two sections
LEAST_ROW = 18.0  # a row's label has to fit
LEAST_SIDE = 4.5  # a smaller square has no colour one could tell

Mark = Literal["", "changed", "only-first", "only-second"]
Move = Literal["up", "down", "left", "right", "row-start", "row-end", "start", "end"]


@dataclass(frozen=True, slots=True)
class MapTensor:
    """What the map has to know of a tensor. ``experts`` are those stacked in it, else 0."""

    type: str
    bytes: int
    experts: int = 0
    mark: Mark = ""


@dataclass(frozen=True, slots=True)
class Square:
    """One cell: usually one tensor, several where each expert has its own. ``type`` is that of most bytes."""

    positions: tuple[int, ...]
    type: str
    bytes: int
    experts: int
    mark: Mark


@dataclass(frozen=True)
class Line:
    """One row: its label, its squares by column, and the most experts of a square (0 for none)."""

    label: str
    squares: Mapping[int, Square]
    experts: int

    @cached_property
    def columns(self) -> tuple[int, ...]:
        """Columns that hold a square, ascending."""
        return tuple(sorted(self.squares))


@dataclass(frozen=True)
class Section:
    """One tower of layers, or (``layers`` empty) the tensors outside of them, one to a row."""

    title: str
    layers: tuple[int, ...]
    lines: tuple[Line, ...]
    largest: int  # bytes of its largest square, which fills its cell


@dataclass(frozen=True, slots=True)
class Cell:
    """A place in the map: indices of section, line and column."""

    section: int
    line: int
    column: int


@dataclass(frozen=True)
class MapContent:
    """All sections, and the cell of each tensor's position."""

    sections: tuple[Section, ...]
    cells: Mapping[int, Cell]

    def square(self, cell: Cell) -> Square | None:
        """The square in a cell."""
        return self.sections[cell.section].lines[cell.line].squares.get(cell.column)

    @cached_property
    def rows(self) -> tuple[tuple[int, int], ...]:
        """Section and line of every row, from top to bottom."""
        return tuple((n, row) for n, section in enumerate(self.sections) for row in range(len(section.lines)))

    def moved(self, cell: Cell | None, move: Move) -> Cell:
        """The cell a step leads to: up and down to the nearest square of the next row. From none, the first.

        There has to be at least one section.
        """
        if cell is None:
            return self._nearest(0, 0)
        row = bisect_right(self.rows, (cell.section, cell.line)) - 1
        columns = self.sections[cell.section].lines[cell.line].columns
        place = bisect_left(columns, cell.column)
        match move:
            case "up" | "down":
                return self._nearest(row + (1 if move == "down" else -1), cell.column)
            case "start" | "end":
                return self._nearest(0 if move == "start" else len(self.rows) - 1, cell.column)
            case "left" | "right":
                place += 1 if move == "right" else -1
            case "row-start" | "row-end":
                place = 0 if move == "row-start" else len(columns)
        return Cell(cell.section, cell.line, columns[min(max(place, 0), len(columns) - 1)])

    def _nearest(self, row: int, column: int) -> Cell:
        section, line = self.rows[min(max(row, 0), len(self.rows) - 1)]
        columns = self.sections[section].lines[line].columns
        return Cell(section, line, min(columns, key=lambda other: abs(other - column)))


def content_of(grid: Grid, tensors: Sequence[MapTensor], labels: Sequence[str]) -> MapContent:
    """Arrange tensors (by position) into sections; ``labels`` name those outside the layers.

    Some 5 µs each, so not for the GUI thread.
    """
    sections = []
    for stack in grid.stacks:
        column_of = {layer: column for column, layer in enumerate(stack.layers)}
        lines = tuple(
            _line(row.role, {column_of[layer]: _square(tensors, at) for layer, at in row.cells.items()})
            for row in stack.rows
        )
        sections.append(_section("layer" if stack.name == "blk" else stack.name, stack.layers, lines))
    if grid.outside:
        lines = tuple(_line(labels[at], {0: _square(tensors, (at,))}) for at in grid.outside)
        sections.append(_section(tr("outside the layers"), (), lines))
    cells = {
        position: Cell(number, row, column)
        for number, section in enumerate(sections)
        for row, line in enumerate(section.lines)
        for column, square in line.squares.items()
        for position in square.positions
    }
    return MapContent(tuple(sections), cells)


def _square(tensors: Sequence[MapTensor], positions: tuple[int, ...]) -> Square:
    members = [tensors[at] for at in positions]
    largest = max(members, key=lambda tensor: tensor.bytes)
    experts = len(members) if len(members) > 1 else largest.experts
    mark: Mark = next((tensor.mark for tensor in members if tensor.mark), "")
    return Square(positions, largest.type, sum(tensor.bytes for tensor in members), experts, mark)


def _line(label: str, squares: Mapping[int, Square]) -> Line:
    return Line(label, squares, max(square.experts for square in squares.values()))


def _section(title: str, layers: tuple[int, ...], lines: tuple[Line, ...]) -> Section:
    largest = max((square.bytes for line in lines for square in line.squares.values()), default=0)
    return Section(title, layers, lines, largest)


class MapLayout:
    """Where everything lies when a column is ``pitch`` wide. The origin is the first section's first column."""

    def __init__(self, content: MapContent, pitch: float) -> None:
        self.content = content
        self.pitch = pitch
        self.row = max(LEAST_ROW, pitch + 2.0)
        self.tops: list[float] = []
        y = 0.0
        for section in content.sections:
            self.tops.append(y)
            y += HEAD + len(section.lines) * self.row + GAP
        self.height = max(0.0, y - GAP)
        self.width = max((len(section.layers) for section in content.sections), default=0) * pitch

    def at(self, x: float, y: float) -> Cell | None:
        """The cell with a square at a point."""
        number = bisect_right(self.tops, y) - 1
        if x < 0 or number < 0:
            return None
        line = math.floor((y - self.tops[number] - HEAD) / self.row)
        cell = Cell(number, line, int(x / self.pitch))
        if not 0 <= line < len(self.content.sections[number].lines):
            return None
        return cell if self.content.square(cell) is not None else None

    def origin(self, cell: Cell) -> tuple[float, float]:
        """The top left corner of a cell; it is ``pitch`` wide and ``row`` high."""
        return cell.column * self.pitch, self.tops[cell.section] + HEAD + cell.line * self.row

    def side(self, cell: Cell, square: Square) -> float:
        """The side of a square: its area is as its bytes, but one can always see it."""
        room = self.pitch - 2.0
        largest = self.content.sections[cell.section].largest
        share = math.sqrt(square.bytes / largest) if largest else 0.0
        return max(min(LEAST_SIDE, room), room * share)
