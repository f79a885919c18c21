"""Nested blocks as a flat list of leaves, each of which becomes one row of the transcript."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from desktop.core.markdown import (
    Block,
    CodeBlock,
    Heading,
    ListBlock,
    Paragraph,
    Quote,
    Rule,
    Run,
    Runs,
    Table,
    plain_text,
)
from desktop.core.text import is_right_to_left

_MAX_DEPTH = 8  # deeper nesting is shown at this depth, so that there is room left for words


@dataclass(frozen=True, slots=True)
class LeafPosition:
    """Where a leaf stands: list ``depth``, quote ``bars``, the list ``marker`` before it, whether it is thinking.

    Of each quote around it, ``bars`` has the list depth at which it begins.
    ``tight``: close to the leaf before (list items); ``continues``: no gap at all, it is the same block.
    ``mirrored``: it is read from right to left, so indents, bars and markers stand on the right. ``tool``: the call
    whose line folds it.
    """

    depth: int = 0
    bars: tuple[int, ...] = ()
    marker: str = ""
    tight: bool = False
    continues: bool = False
    reasoning: bool = False
    mirrored: bool = False
    tool: str = ""


@dataclass(frozen=True, slots=True)
class TextLeaf:
    """``level`` is a heading's, 0 for a paragraph."""

    runs: Runs
    place: LeafPosition
    level: int = 0


@dataclass(frozen=True, slots=True)
class FormulaLeaf:
    """A formula on a line of its own, as it was written."""

    source: str
    place: LeafPosition


@dataclass(frozen=True, slots=True)
class CodeLeaf:
    block: CodeBlock
    place: LeafPosition


@dataclass(frozen=True, slots=True)
class TableLeaf:
    block: Table
    place: LeafPosition


@dataclass(frozen=True, slots=True)
class RuleLeaf:
    place: LeafPosition


@dataclass(frozen=True, slots=True)
class ReasoningLeaf:
    """The line above the reasoning, which folds it."""

    place: LeafPosition


@dataclass(frozen=True, slots=True)
class ToolLeaf:
    """The line of a tool that was called, which folds what came of it."""

    place: LeafPosition
    call_id: str
    label: str
    failed: bool = False


Leaf = TextLeaf | FormulaLeaf | CodeLeaf | TableLeaf | RuleLeaf | ReasoningLeaf | ToolLeaf


def _marker(block: ListBlock, number: int, checked: bool | None, depth: int) -> str:
    if checked is not None:
        return "☑" if checked else "☐"
    if block.ordered:
        return f"{number}."
    return "•◦▪"[min(depth, 2)]


def _trimmed(runs: list[Run]) -> Runs:
    """Without the line breaks next to a formula that stands on a line of its own."""
    while runs and not runs[0].math and not runs[0].text.lstrip("\n "):
        runs = runs[1:]
    while runs and not runs[-1].math and not runs[-1].text.rstrip("\n "):
        runs = runs[:-1]
    if runs and not runs[0].math:
        runs[0] = replace(runs[0], text=runs[0].text.lstrip("\n "))
    if runs and not runs[-1].math:
        runs[-1] = replace(runs[-1], text=runs[-1].text.rstrip("\n "))
    return tuple(runs)


def _paragraph_leaves(runs: Runs, place: LeafPosition) -> Iterator[Leaf]:
    """A paragraph, in several leaves where formulas stand on lines of their own."""
    if not any(run.math == "display" for run in runs):
        yield TextLeaf(runs, place)
        return
    parts: list[Runs | Run] = []
    around: list[Run] = []
    for run in runs:
        if run.math == "display":
            parts += [_trimmed(around), run]
            around = []
        else:
            around.append(run)
    parts.append(_trimmed(around))
    for part in parts:
        if not part:
            continue
        yield FormulaLeaf(part.text, place) if isinstance(part, Run) else TextLeaf(part, place)
        place = replace(place, marker="", tight=True, continues=False)


def _mirrored(block: Block, place: LeafPosition) -> LeafPosition:
    """The place, with the direction of what is read first in the block; within a list or quote, with that of it."""
    if place.depth or place.bars or isinstance(block, CodeBlock):
        return place
    first = block
    while isinstance(first, ListBlock | Quote):
        inner = first.blocks if isinstance(first, Quote) else next((i.blocks for i in first.items if i.blocks), ())
        if not inner:
            return place
        first = inner[0]
    return replace(place, mirrored=True) if is_right_to_left(plain_text(first)) else place


def _list_leaves(block: ListBlock, place: LeafPosition) -> Iterator[Leaf]:
    depth = min(place.depth + 1, _MAX_DEPTH)
    first = True
    for number, item in enumerate(block.items, block.start):
        marker = "" if item.continues else _marker(block, number, item.checked, place.depth)
        inner_place = replace(place, depth=depth, marker=marker, continues=False)
        blocks = item.blocks or (Paragraph(()),)
        for index, inner in enumerate(blocks):
            tight = index == 0 and (not first or block.continues or place.depth > 0)
            where = replace(inner_place, tight=tight, marker=marker if index == 0 else "")
            yield from leaves(inner, where)
        first = False


def leaves(block: Block, place: LeafPosition | None = None) -> Iterator[Leaf]:
    """The leaves of a block, in reading order."""
    place = place or LeafPosition()
    if block.continues:
        place = replace(place, continues=True)
    place = _mirrored(block, place)
    match block:
        case Paragraph(runs=runs):
            yield from _paragraph_leaves(runs, place)
        case Heading(level=level, runs=runs):
            yield TextLeaf(runs, place, level)
        case CodeBlock():
            yield CodeLeaf(block, place)
        case Table():
            yield TableLeaf(block, place)
        case Rule():
            yield RuleLeaf(place)
        case ListBlock():
            yield from _list_leaves(block, place)
        case Quote(blocks=blocks):
            inner = replace(place, bars=(*place.bars, place.depth)[:_MAX_DEPTH], continues=False)
            for index, quoted in enumerate(blocks):
                marked = inner if index == 0 else replace(inner, marker="", tight=False)
                yield from leaves(quoted, replace(marked, continues=place.continues and index == 0))
