"""Splits Markdown that is still growing into finished blocks and an open tail of bounded length.

A block is finished when the next one has begun for certain: from then on no later text can change it, because
CommonMark decides line by line (link reference definitions, the exception, are off). Only the text after the last
finished block is parsed again. It never exceeds ``WINDOW``: a longer block is cut into parts at a place that depends
on the text alone, so that the result does not depend on how the text was divided into pieces.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from desktop.core.markdown.blocks import Block, CodeBlock, ListBlock, Paragraph, Quote, Run, Table
from desktop.core.markdown.convert import block, blocks, list_items, tokenize, top_level
from desktop.core.markdown.fence import Fence

if TYPE_CHECKING:
    from markdown_it.token import Token

WINDOW = 3000  # characters; parsing that many takes below 1 ms, and hardly any paragraph is longer
_PLAIN_AFTER = 16  # parts of one endless line after which it is not searched for markup any more

_BLANK_LINES = re.compile(r"(?:[ \t]*\n)+")
_MARKER = re.compile(r"( *)([-+*]|\d{1,9}[.)])")
_SOFT = re.compile(r"(?:[.!?]|[^\s])[ \n]+(?=[^\W\d_])")


@dataclass(frozen=True, slots=True)
class _Carry:
    """How the tail goes on with a block whose beginning was finished already.

    ``prefix`` is source put before the tail so that it parses in its place, ``number`` the first list number,
    ``item`` whether the prefix reopens the last list item, ``inline`` whether the cut was within a line.
    """

    kind: type[Block]
    prefix: str = ""
    ordered: bool = False
    number: int = 1
    item: bool = False
    inline: bool = False

    def adopt(self, found: Block) -> Block | None:
        """The first block of the tail as the continuation it is; None when only the prefix was in it."""
        if type(found) is not self.kind:
            return found
        if isinstance(found, Table) and not found.rows:
            return None
        if isinstance(found, ListBlock):
            if found.ordered != self.ordered:
                return found
            items, number = found.items, self.number
            if self.item and not items[0].blocks:
                items, number = items[1:], number + 1
            elif self.item:
                first = items[0].blocks[0]
                inner = (replace(first, continues=self.inline), *items[0].blocks[1:])
                items = (replace(items[0], blocks=inner, continues=True), *items[1:])
            return replace(found, items=items, start=number, continues=True) if items else None
        return replace(found, continues=True)


def _line_start(text: str, line: int) -> int:
    position = 0
    for _ in range(line):
        position = text.index("\n", position) + 1
    return position


class BlockTail:
    """Feeds on text and gives back finished blocks; ``open`` are the blocks the tail holds at the moment."""

    def __init__(self) -> None:
        self.open: tuple[Block, ...] = ()
        self._buffer = ""
        self._fence: Fence | None = None
        self._carry: _Carry | None = None
        self._cuts = 0

    def feed(self, text: str, *, final: bool = False) -> list[Block]:
        """Add text; the blocks that are finished now. ``final``: nothing follows, so everything is finished."""
        self._buffer += text
        self.open = ()
        done: list[Block] = []
        position = 0
        while True:
            if self._fence is not None:
                parts, position, closed = self._fence.read(self._buffer, position, final=final)
                done += parts
                if not closed:
                    rest = self._fence.rest(self._buffer[position:])
                    self.open = (rest,) if rest.text or not rest.continues else ()
                    break
                self._fence = None
            advanced = self._step(position, done, final)
            if advanced is None:
                break
            position = advanced
        self._buffer = self._buffer[position:]
        if final:
            done += self.open
            self.open, self._buffer, self._fence, self._carry = (), "", None, None
        return done

    def _step(self, position: int, done: list[Block], final: bool) -> int | None:
        """Finish what can be finished next and return where to go on; None when more text is needed."""
        blank = _BLANK_LINES.match(self._buffer, position)
        if blank is not None:
            if self._carry is not None and self._carry.kind is not ListBlock:
                self._carry = None
            return blank.end()
        if self._carry is None or not self._carry.item:
            opened = Fence.opened(self._buffer, position)
            if opened is not None:
                self._fence, position = opened
                self._carry = None
                self._cuts = 0
                return position
        window = self._buffer[position : position + WINDOW]
        full = len(self._buffer) - position > WINDOW
        if full and self._cuts >= _PLAIN_AFTER and "\n" not in window:
            done.append(Paragraph((Run(window),), continues=True))
            return position + WINDOW
        if not window or window.isspace():
            return position + WINDOW if full else None
        prefix = self._carry.prefix if self._carry is not None else ""
        source = prefix + window
        tokens = tokenize(source, is_open=not (full or final))
        advanced = self._finish_settled(source, tokens, done)
        if advanced is None and full:
            advanced = self._cut(source, tokens, done)
        if advanced is None:
            self.open = self._adopted(blocks(tokens, 0, len(tokens)))
            return None
        return position + advanced - len(prefix)

    def _adopted(self, found: Sequence[Block]) -> tuple[Block, ...]:
        if self._carry is None or not found:
            return tuple(found)
        first = self._carry.adopt(found[0])
        return tuple(found[1:]) if first is None else (first, *found[1:])

    def _finish_settled(self, source: str, tokens: Sequence[Token], done: list[Block]) -> int | None:
        """Finish the blocks (or list items) after which another one has begun; the position of that one."""
        tops = top_level(tokens)
        whole_lines = source.count("\n")
        for first, _, line in reversed(tops[1:]):
            # a table is recognised by its second line, a formula by its end, everything else by its first line
            if not tokens[first].meta.get("certain", True):
                continue
            if line + (2 if tokens[first].type == "table_open" else 1) <= whole_lines:
                done += self._adopted(blocks(tokens, 0, first))
                self._carry, self._cuts = None, 0
                return _line_start(source, line)
        if len(tops) == 1 and tokens[0].type in ("bullet_list_open", "ordered_list_open"):
            return self._finish_items(source, tokens, whole_lines, done)
        return None

    def _finish_items(self, source: str, tokens: Sequence[Token], whole_lines: int, done: list[Block]) -> int | None:
        items = list_items(tokens, 0, len(tokens))
        starts = [_line_start(source, line) for _, _, line in items]
        if len({len(source[start:]) - len(source[start:].lstrip(" ")) for start in starts}) > 1:
            return None  # where a shallower item follows, the list has to be read as a whole
        last = len(items) - 1 if items[-1][2] + 1 <= whole_lines else len(items) - 2
        if last < 1:
            return None
        whole = self._adopted((block(tokens, 0, len(tokens)),))
        if not whole or not isinstance(whole[0], ListBlock):
            return None
        listed = whole[0]
        kept = len(listed.items) - (len(items) - last)
        if kept > 0:
            done.append(replace(listed, items=listed.items[:kept]))
        self._carry = _Carry(ListBlock, ordered=listed.ordered, number=listed.start + kept)
        self._cuts = 0
        return starts[last]

    def _cut(self, source: str, tokens: Sequence[Token], done: list[Block]) -> int:
        """Finish a part of a block that is longer than the window; where its next part begins."""
        self._cuts += 1
        tops = top_level(tokens)
        kind = tokens[0].type
        inline = kind in ("paragraph_open", "heading_open")
        if len(tops) > 1:
            end = _line_start(source, tops[1][2])
            inline = False
        elif not inline and source.rfind("\n") > len(source) // 2:
            end = source.rindex("\n") + 1
        else:
            inline = True
            end = len(source)
            for soft in _SOFT.finditer(source, len(source) // 2):
                end = soft.end()
        part = tokenize(source[:end])
        found = self._adopted(blocks(part, 0, len(part)))
        done += found
        self._carry = self._carry_after(found[-1], source[:end], part, inline) if found else None
        return end

    def _carry_after(self, found: Block, source: str, tokens: Sequence[Token], inline: bool) -> _Carry:
        match found:
            case ListBlock():
                return self._reopened_item(found, source, tokens, inline)
            case Table():
                head = _line_start(source, 2)
                return _Carry(Table, source[:head] if head < WINDOW // 2 else "")
            case Quote():
                return _Carry(Quote, "> " if inline else "")
            case CodeBlock():
                return _Carry(CodeBlock, "    " if inline else "")
        return _Carry(Paragraph)

    def _reopened_item(self, found: ListBlock, source: str, tokens: Sequence[Token], inline: bool) -> _Carry:
        marker = _MARKER.match(source)
        head = marker[0] if marker is not None else "-"
        prefix = head + (" " if inline else "\n")
        leaf = next((token for token in reversed(tokens) if token.nesting == 0), None)
        if leaf is not None and leaf.type == "fence" and not inline:
            last_line = source.rstrip("\n").rpartition("\n")[2].strip()
            if last_line.strip(leaf.markup[0]) or len(last_line) < len(leaf.markup):
                prefix += " " * (len(head) + 1) + leaf.markup + leaf.info + "\n"
        number = found.start + len(found.items) - 1
        return _Carry(ListBlock, prefix, found.ordered, number, item=True, inline=inline)
