"""A tool that an answer called, as leaves: a line that folds, below it what it was given and what it answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from desktop.core.markdown import CodeBlock, Run
from desktop.core.words import tr
from desktop.ui.shared.transcript.leaves import CodeLeaf, Leaf, LeafPosition, TextLeaf, ToolLeaf
from desktop.ui.shared.transcript.message import ShownCall

_PART_CHARACTERS = 3000  # of a long text, so that only the parts in sight are laid out


def tool_leaves(call: ShownCall) -> list[Leaf]:
    """All of one call."""
    place = LeafPosition(bars=(0,), tool=call.id)
    found: list[Leaf] = [ToolLeaf(LeafPosition(), call.id, call.label, call.failed)]
    found += [TextLeaf((Run(tr("Arguments")),), place), *_code(call.arguments, "json", place)]
    if call.result:
        found += [TextLeaf((Run(tr("Answer")),), place), *_code(call.result, "text", place)]
    return [*found, *(TextLeaf((Run(note),), place) for note in call.notes)]


def _code(text: str, language: str, place: LeafPosition) -> Iterator[Leaf]:
    tight = replace(place, tight=True)
    for number, part in enumerate(_parts(text)):
        yield CodeLeaf(
            CodeBlock(language=language, text=part, continues=number > 0), replace(tight, continues=number > 0)
        )


def _parts(text: str) -> Iterator[str]:
    part = ""
    for line in text.splitlines(keepends=True) or [""]:
        for start in range(0, max(len(line), 1), _PART_CHARACTERS):
            piece = line[start : start + _PART_CHARACTERS]
            if part and len(part) + len(piece) > _PART_CHARACTERS:
                yield part
                part = ""
            part += piece
    yield part
