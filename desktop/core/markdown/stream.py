"""A whole answer as it streams: Markdown as one flat sequence of blocks."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.core.markdown.blocks import Block, Paragraph, Run
from desktop.core.markdown.tail import WINDOW, BlockTail
from desktop.core.text import ChatTextStream, chat_text


@dataclass(frozen=True, slots=True)
class Update:
    """The blocks from index ``start`` on are now ``blocks``; those before are unchanged for good."""

    start: int
    blocks: tuple[Block, ...]


class StreamParser:
    """Markdown that arrives in pieces. The work per piece does not depend on how much came before."""

    def __init__(self) -> None:
        self._clean = ChatTextStream()
        self._tail = BlockTail()
        self._finished: list[Block] = []

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All blocks as of now; takes time in proportion to their number."""
        return (*self._finished, *self._tail.open)

    def append(self, text: str) -> Update:
        """Add a piece of any length."""
        return self._take(self._clean.feed(text), final=False)

    def finish(self) -> Update:
        """The text has ended; everything held back is taken as it is."""
        return self._take("", final=True)

    def _take(self, text: str, *, final: bool) -> Update:
        start = len(self._finished)
        if text or final:
            self._finished += self._tail.feed(text, final=final)
        return Update(start, (*self._finished[start:], *self._tail.open))


def parse(text: str) -> tuple[Block, ...]:
    """The blocks of a whole answer."""
    parser = StreamParser()
    parser.append(text)
    parser.finish()
    return parser.blocks


def parse_plain(text: str) -> tuple[Block, ...]:
    """Text that is no Markdown (what a person typed), line by line as it is, in parts of bounded length."""
    parts: list[Block] = []
    text = chat_text(text).strip("\n")
    position = 0
    while position < len(text):
        end = len(text)
        if end - position > WINDOW:
            end = text.rfind("\n", position, position + WINDOW)
            end = end if end > position else position + WINDOW
        parts.append(Paragraph((Run(text[position:end]),), continues=bool(parts)))
        position = end + 1 if text[end : end + 1] == "\n" else end
    return tuple(parts)
