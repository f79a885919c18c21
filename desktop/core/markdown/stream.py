"""A whole answer as it streams: the model's thinking, then Markdown, as one flat sequence of blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from desktop.core.markdown.blocks import Block, Paragraph, Reasoning, Run
from desktop.core.markdown.tail import WINDOW, BlockTail
from desktop.core.text import ChatTextStream, chat_text

_TAG = re.compile(r"<(/?)think(?:ing)?>")
_UNFINISHED_TAG = re.compile(r"<(?:/?(?:t(?:h(?:i(?:n(?:k(?:i(?:n(?:g)?)?)?)?)?)?)?)?)?\Z")


@dataclass(frozen=True, slots=True)
class Update:
    """The blocks from index ``start`` on are now ``blocks``; those before are unchanged for good."""

    start: int
    blocks: tuple[Block, ...]


class StreamParser:
    """Markdown that arrives in pieces. The work per piece does not depend on how much came before.

    ``reasoning_open``: the chat template opened the thinking passage, so the answer starts inside it. Without it, a
    closing tag that nothing opened makes everything before it reasoning.
    """

    def __init__(self, *, reasoning_open: bool = False) -> None:
        self._clean = ChatTextStream()
        self._tail = BlockTail()
        self._finished: list[Block] = []
        self._held = ""  # the end of the text as long as it may become a tag
        self._line_blank = True
        self._heading: int | None = None  # index of the Reasoning block while inside the thinking
        self._thought = False
        self._changed = 0
        if reasoning_open:
            self._open_reasoning()

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All blocks as of now; takes time in proportion to their number."""
        return (*self._finished, *self._open())

    def append(self, text: str) -> Update:
        """Add a piece of any length."""
        return self._take(self._held + self._clean.feed(text), final=False)

    def finish(self) -> Update:
        """The text has ended; everything held back is taken as it is."""
        return self._take(self._held, final=True)

    def _open(self) -> tuple[Block, ...]:
        found = self._tail.open
        return tuple(replace(each, reasoning=True) for each in found) if self._heading is not None else found

    def _take(self, text: str, *, final: bool) -> Update:
        self._changed = len(self._finished)
        position = 0
        for tag in _TAG.finditer(text):
            self._feed(text[position : tag.start()])
            position = tag.start()
            if self._is_switch(closing=bool(tag[1])):
                self._switch(closing=bool(tag[1]))
                position = tag.end()
        unfinished = None if final else _UNFINISHED_TAG.search(text, max(position, len(text) - 11))
        end = len(text) if unfinished is None else unfinished.start()
        self._feed(text[position:end])
        self._held = text[end:]
        if final:
            self._keep(self._tail.feed("", final=True))
        return Update(self._changed, (*self._finished[self._changed :], *self._open()))

    def _feed(self, text: str) -> None:
        if not text:
            return
        _, line_end, line = text.rpartition("\n")
        self._line_blank = (not line or line.isspace()) and (bool(line_end) or self._line_blank)
        self._keep(self._tail.feed(text))

    def _keep(self, found: list[Block]) -> None:
        if self._heading is not None:
            found = [replace(each, reasoning=True) for each in found]
        self._finished += found

    def _is_switch(self, *, closing: bool) -> bool:
        if self._heading is not None:
            return closing
        if not self._line_blank or self._tail.in_fence:
            return False
        return not closing or not self._thought

    def _switch(self, *, closing: bool) -> None:
        self._keep(self._tail.feed("", final=True))
        self._line_blank = True
        if not closing:
            self._open_reasoning()
            return
        if self._heading is None:  # nothing opened it: the answer began inside the thinking
            self._finished[:0] = [Reasoning(closed=True)]
            self._finished[1:] = [replace(each, reasoning=True) for each in self._finished[1:]]
            self._heading = 0
        self._changed = min(self._changed, self._heading)
        if len(self._finished) == self._heading + 1:
            self._finished.pop()  # an empty passage says nothing
        else:
            self._finished[self._heading] = Reasoning(closed=True)
        self._heading = None
        self._thought = True

    def _open_reasoning(self) -> None:
        self._heading = len(self._finished)
        self._thought = True
        self._finished.append(Reasoning(closed=False))


def parse(text: str, *, reasoning_open: bool = False) -> tuple[Block, ...]:
    """The blocks of a whole answer."""
    parser = StreamParser(reasoning_open=reasoning_open)
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
