"""A code fence that is being read: its lines are taken over as they come and never parsed again."""

from __future__ import annotations

import re

from desktop.core.markdown.block_rules import language_of
from desktop.core.markdown.blocks import CodeBlock
from desktop.core.markdown.fence_end import FenceEnd

PART_CHARACTERS = 3000  # a longer fence is delivered in parts of whole lines, about this long

_OPENING = re.compile(r"( {0,3})(?:(`{3,})([^`\n]*)|(~{3,})([^\n]*))\n")


class Fence:
    """The state of one open fence (CommonMark 0.31, section 4.5)."""

    def __init__(self, indent: int, mark: str, language: str) -> None:
        self._indent = re.compile(f" {{0,{indent}}}")
        self._end = FenceEnd(mark, language)
        self._mark = mark[0]
        self._language = language
        self._lines: list[str] = []
        self._size = 0
        self._parts = 0
        self._inside_line = False

    @classmethod
    def opened(cls, text: str, position: int) -> tuple[Fence, int] | None:
        """The fence whose whole opening line stands at the position, and where its content begins."""
        match = _OPENING.match(text, position)
        if match is None:
            return None
        mark, info = (match[2], match[3]) if match[2] else (match[4], match[5])
        return cls(len(match[1]), mark, language_of(info)), match.end()

    def _part(self, text: str, *, closed: bool) -> CodeBlock:
        return CodeBlock(self._language, text, closed, continues=self._parts > 0)

    def _content(self, line: str) -> str:
        return line if self._inside_line else self._indent.sub("", line, count=1)

    def _take(self, line: str) -> CodeBlock | None:
        """Keep a line (or a piece of an overlong one); a part when enough has come together."""
        content = self._content(line)
        self._lines.append(content)
        self._size += len(content)
        self._inside_line = not line.endswith("\n")
        if self._size < PART_CHARACTERS:
            return None
        part = self._part("".join(self._lines), closed=False)
        self._lines, self._size = [], 0
        self._parts += 1
        return part

    def read(self, text: str, position: int, *, final: bool) -> tuple[list[CodeBlock], int, bool]:
        """Take what is certain from the position on: (parts that are full, where it stopped, whether it closed)."""
        parts: list[CodeBlock] = []
        length = len(text)
        while position < length:
            end = text.find("\n", position, position + PART_CHARACTERS) + 1
            if not end and length - position >= PART_CHARACTERS:
                end = position + PART_CHARACTERS
            elif not end:
                if not final:
                    break
                end = length
            line = text[position:end]
            whole = line.removesuffix("\n")
            following = ""
            if not self._inside_line and self._end.asks_next(whole):
                following = text[end : text.find("\n", end) + 1 or length]
                if not final and not following.strip() and "\n" not in following:
                    break
            position = end
            if not self._inside_line and self._end.closes(whole, following):
                return [*parts, self._part("".join(self._lines), closed=True)], position, True
            part = self._take(line)
            if part is not None:
                parts.append(part)
        return parts, position, False

    def rest(self, tail: str) -> CodeBlock:
        """The open part together with the unfinished last line, unless that may become the closing fence."""
        if not self._inside_line and not tail.strip(f" {self._mark}\n"):
            tail = ""
        return self._part("".join(self._lines) + self._content(tail), closed=False)
