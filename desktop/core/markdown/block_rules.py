"""Block rules for markdown-it: fences that know what they hold, and formulas on lines of their own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from desktop.core.markdown import math
from desktop.core.markdown.fence_end import FenceEnd

if TYPE_CHECKING:
    from markdown_it.rules_block import StateBlock

OPEN = "open"  # key of the environment: the text is still being written, its last block may go on
_FENCE = re.compile(r"(`{3,})([^`]*)|(~{3,})(.*)")


def language_of(info: str) -> str:
    """The language named after a fence, in lower case; empty when there is none."""
    words = info.split(maxsplit=1)
    return words[0].lower().lstrip(".{").rstrip("}") if words else ""


def _line(state: StateBlock, line: int) -> str:
    """A line without what its container puts before it, indented as it is within that."""
    text = state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]
    return " " * max(0, state.sCount[line] - state.blkIndent) + text


def _left(state: StateBlock, line: int) -> bool:
    """Whether a line stands outside of the list item or quote that is read."""
    return not state.isEmpty(line) and state.sCount[line] < state.blkIndent


def fence(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """markdown-it's rule, with its end as :class:`FenceEnd` finds it."""
    if state.is_code_block(start):
        return False
    opening = _FENCE.fullmatch(_line(state, start).lstrip(" "))
    if opening is None:
        return False
    if silent:
        return True
    mark, info = (opening[1], opening[2]) if opening[1] else (opening[3], opening[4])
    until, closed, line = FenceEnd(mark, language_of(info)), False, start + 1
    while line < end and not _left(state, line):
        following = _line(state, line + 1) if line + 1 < end and not _left(state, line + 1) else ""
        closed = until.closes(_line(state, line), following)
        if closed:
            break
        line += 1
    state.line = line + closed
    token = state.push("fence", "code", 0)
    token.info, token.markup, token.map = info, mark, [start, state.line]
    token.content = state.getLines(start + 1, line, state.sCount[start], True)
    return True


def formula(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    r"""``$$``, ``\[`` and environments of LaTeX that begin a line, over as many lines as they take.

    While the text is open, one without an end is taken as it is written, so that nothing in it is read as Markdown
    for a moment; its token says that it is not certain.
    """
    if state.is_code_block(start):
        return False
    first = _line(state, start).lstrip(" ")
    closer = math.block_opener(first)
    if not closer:
        return False
    gaps, text, line = math.opener_stands_alone(first), "", start
    last = min(end, start + math.MOST_LINES)
    skip, found = 2, None
    while line < last and found is None and len(text) < math.MOST_CHARACTERS:
        if line > start and (_left(state, line) or (state.isEmpty(line) and not gaps)):
            return False
        text += state.getLines(line, line + 1, state.blkIndent, True).lstrip(" " if line == start else "")
        found = math.block_end(text, closer, skip)
        line += 1
    is_open = OPEN in state.env and line == end == state.env["lines"]
    certain = not is_open or (found is not None and state.src.endswith("\n"))
    if found is None:
        if not is_open:
            return False
    elif not found or not math.ends_its_line(text[found:].rstrip("\n")):
        return False
    if not silent:
        state.line = line
        token = state.push("formula", "math", 0)
        token.content, token.map = text.rstrip(), [start, line]
        token.info = "" if found is not None else OPEN
        token.meta = {"certain": certain}
    return True
