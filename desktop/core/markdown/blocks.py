"""The values a parsed answer consists of.

A long block arrives in parts: a block with ``continues`` belongs to the block of the same type before it. That is
what keeps the work per token bounded; ``join_parts`` puts the parts together again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Alignment = Literal["left", "center", "right"]


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text in one style; a line break is ``\\n``. ``link`` is the address as written, never opened.

    ``math``: the text is a formula as it was written, delimiters included, within a line or on one of its own.
    """

    text: str
    bold: bool = False
    italic: bool = False
    code: bool = False
    strike: bool = False
    link: str = ""
    math: Literal["", "inline", "display"] = ""

    def goes_with(self, other: Run) -> bool:
        """Whether both are of one style, so that they are one run when they stand side by side."""
        return not self.math and replace(self, text="") == replace(other, text="")


Runs = tuple[Run, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Base of all blocks."""

    continues: bool = False


@dataclass(frozen=True, slots=True)
class Paragraph(Block):
    runs: Runs


@dataclass(frozen=True, slots=True)
class Heading(Block):
    """``level`` is 1 to 6."""

    level: int
    runs: Runs


@dataclass(frozen=True, slots=True)
class CodeBlock(Block):
    """``text`` ends with a line break after each whole line; ``closed`` once the closing fence was read."""

    language: str
    text: str
    closed: bool = True


@dataclass(frozen=True, slots=True)
class ListItem:
    """``checked`` is None for an item that is no task; ``continues`` the last item of the part before."""

    blocks: tuple[Block, ...]
    checked: bool | None = None
    continues: bool = False


@dataclass(frozen=True, slots=True)
class ListBlock(Block):
    """``start`` is the number of the first item of this part, for an ordered list."""

    ordered: bool
    start: int
    items: tuple[ListItem, ...]


@dataclass(frozen=True, slots=True)
class Table(Block):
    """Every row has as many cells as ``header``."""

    header: tuple[Runs, ...]
    alignments: tuple[Alignment, ...]
    rows: tuple[tuple[Runs, ...], ...]


@dataclass(frozen=True, slots=True)
class Quote(Block):
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Rule(Block):
    """A thematic break."""


def _join_runs(first: Runs, second: Runs) -> Runs:
    if first and second and first[-1].goes_with(second[0]):
        return (*first[:-1], replace(first[-1], text=first[-1].text + second[0].text), *second[1:])
    return first + second


def _joined(first: Block, second: Block) -> Block | None:
    """The two as one block, or None when the second is not a part of the first."""
    match first, second:
        case Paragraph(runs=before), Paragraph(runs=after):
            return replace(first, runs=_join_runs(before, after))
        case CodeBlock(), CodeBlock():
            return replace(first, text=first.text + second.text, closed=second.closed)
        case Table(), Table():
            return replace(first, rows=first.rows + second.rows)
        case Quote(), Quote():
            return replace(first, blocks=first.blocks + second.blocks)
        case ListBlock(items=before_items), ListBlock(items=after_items):
            if before_items and after_items and after_items[0].continues:
                last = before_items[-1]
                last = replace(last, blocks=join_parts(last.blocks + after_items[0].blocks))
                return replace(first, items=(*before_items[:-1], last, *after_items[1:]))
            return replace(first, items=before_items + after_items)
    return None


def join_parts(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """The blocks with every part joined to the block it continues."""
    joined: list[Block] = []
    for block in blocks:
        together = _joined(joined[-1], block) if joined and block.continues else None
        if together is None:
            joined.append(block)
        else:
            joined[-1] = together
    return tuple(joined)


def fenced(text: str, language: str = "") -> str:
    """A text as code in Markdown, whatever fences it holds itself."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    mark = "`" * max(3, longest + 1)
    return f"{mark}{language}\n{text.rstrip()}\n{mark}"


def quoted(text: str) -> str:
    """Markdown as a quote in other Markdown."""
    return "\n".join(f"> {line}".rstrip() for line in text.strip("\n").split("\n"))


def _runs_text(runs: Runs) -> str:
    return "".join(run.text for run in runs)


def plain_text(block: Block) -> str:
    """What a reader sees of the block, without markup; the cells of a table are separated by tabs."""
    match block:
        case Paragraph(runs=runs) | Heading(runs=runs):
            return _runs_text(runs)
        case CodeBlock(text=text):
            return text.removesuffix("\n")
        case Table(header=header, rows=rows):
            return "\n".join("\t".join(_runs_text(cell) for cell in row) for row in (header, *rows))
        case Quote(blocks=blocks):
            return "\n".join(plain_text(inner) for inner in blocks)
        case ListBlock(ordered=ordered, start=start, items=items):
            lines = []
            for number, item in enumerate(items, start):
                marker = "" if item.continues else f"{number}. " if ordered else "• "
                lines.append(marker + "\n".join(plain_text(inner) for inner in item.blocks))
            return "\n".join(lines)
    return ""
