"""The text of a message as leaves: what was thought, and below it what was said, parsed as they stream."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from desktop.core.markdown import Block, StreamParser, parse, parse_plain
from desktop.ui.shared.transcript.leaves import Leaf, LeafPosition, ReasoningLeaf, leaves
from desktop.ui.shared.transcript.message import Addition, TranscriptMessage
from desktop.ui.shared.transcript.tool_leaves import tool_leaves

_REASONING = LeafPosition(bars=(0,), reasoning=True)


@dataclass(frozen=True, slots=True)
class Change:
    """The leaves of the blocks from index ``start`` on; the blocks before are unchanged."""

    start: int
    blocks: list[list[Leaf]]

    def then(self, later: Change) -> Change:
        """Both, one after the other; the later one begins no earlier."""
        return Change(self.start, self.blocks[: later.start - self.start] + later.blocks)


def _of(blocks: Iterable[Block], place: LeafPosition | None = None) -> list[list[Leaf]]:
    return [list(leaves(block, place)) for block in blocks]


class MessageText:
    """Reasoning and content of one message. Nothing is parsed before :meth:`parse`."""

    def __init__(self, message: TranscriptMessage) -> None:
        self._pieces = [message.content]
        self._thought = [message.reasoning]
        self._calls = message.calls
        self._parser: StreamParser | None = None
        self._thoughts: StreamParser | None = None
        self._head = 0  # blocks before the content: the line that folds, and the reasoning
        self._called = 0  # blocks of the content up to the last tool that was called

    @property
    def content(self) -> str:
        """All text received so far."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0]

    @property
    def reasoning(self) -> str:
        """All reasoning received so far."""
        if len(self._thought) > 1:
            self._thought = ["".join(self._thought)]
        return self._thought[0]

    @property
    def answered(self) -> bool:
        """Whether the answer itself has begun."""
        return any(self._pieces)

    @property
    def thought(self) -> bool:
        """Whether there is any reasoning."""
        return any(self._thought)

    def parse(self, *, plain: bool, ended: bool) -> Change:
        """Everything, from the beginning. ``plain`` text is no Markdown; ``ended``: no more will come."""
        self._parser = self._thoughts = None
        self._head = self._called = 0
        if plain:
            return Change(0, _of(parse_plain(self.content)))
        change = Change(0, [])
        if self.thought:
            change = change.then(self._think(self.reasoning))
        rest = self.content
        if self._calls:
            if (closed := self._close_thoughts()) is not None:
                change = change.then(closed)
            blocks, rest = self._before_calls()
            change = change.then(Change(self._head, blocks))
            self._called = len(blocks)
        self._parser = StreamParser()
        if rest or (ended and not self._calls):
            change = change.then(self._say(rest))
        return change.then(self.end()) if ended else change

    def append(self, more: Addition) -> list[Change] | None:
        """Add streamed text: what that changes, one after the other, or None where it has to be parsed anew."""
        in_order = not more.turned and not (more.reasoning and (self.answered or self._called))
        if more.turned:
            self._thought, self._pieces = [*self._thought, *self._pieces], [""]
        if more.reasoning:
            self._thought.append(more.reasoning)
        if more.text:
            self._pieces.append(more.text)
        if self._parser is None or not in_order:
            return None
        changes = [self._think(more.reasoning)] if more.reasoning else []
        return [*changes, self._say(more.text)] if more.text else changes

    def replace(self, message: TranscriptMessage) -> Addition | None:
        """Take the message's new value: what is new in it, None where it is another text."""
        before = self.content, self.reasoning
        grown = message.content.startswith(before[0]) and message.reasoning.startswith(before[1])
        if self._parser is None or not grown or message.calls != self._calls:
            self._pieces, self._thought, self._calls = [message.content], [message.reasoning], message.calls
            return None
        return Addition(message.content[len(before[0]) :], message.reasoning[len(before[1]) :])

    def end(self) -> Change:
        """No more will come: what is open is closed."""
        assert self._parser is not None
        change = self._close_thoughts()
        update = self._parser.finish()
        said = Change(self._head + self._called + update.start, _of(update.blocks))
        return said if change is None else change.then(said)

    def _before_calls(self) -> tuple[list[list[Leaf]], str]:
        """The blocks up to the last tool that was called, and the text behind it."""
        content, at = self.content, 0
        blocks: list[list[Leaf]] = []
        for call in self._calls:
            if content[at : call.at].strip():
                blocks += _of(parse(content[at : call.at]))
            at = max(at, call.at)
            blocks.append(tool_leaves(call))
        return blocks, content[at:]

    def _think(self, text: str) -> Change:
        if self._thoughts is None:
            self._thoughts = StreamParser()
            update = self._thoughts.append(text)
            return Change(0, [[ReasoningLeaf(LeafPosition())], *_of(update.blocks, _REASONING)])
        update = self._thoughts.append(text)
        return Change(1 + update.start, _of(update.blocks, _REASONING))

    def _close_thoughts(self) -> Change | None:
        if self._thoughts is None or self._head:
            return None
        update = self._thoughts.finish()
        self._head = 1 + len(self._thoughts.blocks)
        return Change(1 + update.start, _of(update.blocks, _REASONING))

    def _say(self, text: str) -> Change:
        assert self._parser is not None
        closed = self._close_thoughts()
        update = self._parser.append(text)
        said = Change(self._head + self._called + update.start, _of(update.blocks))
        return said if closed is None else closed.then(said)
