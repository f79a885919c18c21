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
    Runs,
    Table,
)

_MAX_DEPTH = 8  # deeper nesting is shown at this depth, so that there is room left for words


@dataclass(frozen=True, slots=True)
class LeafPosition:
    """Where a leaf stands: list ``depth``, quote ``bars``, the list ``marker`` before it, whether it is thinking.

    ``tight``: close to the leaf before (list items); ``continues``: no gap at all, it is the same block.
    """

    depth: int = 0
    bars: int = 0
    marker: str = ""
    tight: bool = False
    continues: bool = False
    reasoning: bool = False


@dataclass(frozen=True, slots=True)
class TextLeaf:
    """``level`` is a heading's, 0 for a paragraph."""

    runs: Runs
    place: LeafPosition
    level: int = 0


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


Leaf = TextLeaf | CodeLeaf | TableLeaf | RuleLeaf | ReasoningLeaf


def _marker(block: ListBlock, number: int, checked: bool | None, depth: int) -> str:
    if checked is not None:
        return "☑" if checked else "☐"
    if block.ordered:
        return f"{number}."
    return "•◦▪"[min(depth, 2)]


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
    match block:
        case Paragraph(runs=runs):
            yield TextLeaf(runs, place)
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
            inner = replace(place, bars=min(place.bars + 1, _MAX_DEPTH), continues=False)
            for index, quoted in enumerate(blocks):
                marked = inner if index == 0 else replace(inner, marker="", tight=False)
                yield from leaves(quoted, replace(marked, continues=place.continues and index == 0))
