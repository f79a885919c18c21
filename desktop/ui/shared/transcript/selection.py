"""What is selected, over rows and messages, and what of it goes to the clipboard."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from desktop.core.documents.cited_links import without_links
from desktop.core.markdown import Table, join_parts, quoted
from desktop.core.text import chat_text
from desktop.ui.shared.transcript.code_row import CodeRow
from desktop.ui.shared.transcript.column import MessageColumn
from desktop.ui.shared.transcript.item import MessageItem
from desktop.ui.shared.transcript.row import Span, TranscriptRow
from desktop.ui.shared.transcript.table_row import TableRow
from desktop.ui.shared.transcript.units import cut, units


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the text: message, row in it, UTF-16 offset in that."""

    item: int
    row: int
    offset: int


class Selection:
    """From where the mouse went down to where it is."""

    def __init__(self) -> None:
        self.anchor: Position | None = None
        self.head: Position | None = None

    def clear(self) -> None:
        self.anchor = self.head = None

    @property
    def bounds(self) -> tuple[Position, Position] | None:
        """First and last place in reading order; None when nothing is selected."""
        if self.anchor is None or self.head is None or self.anchor == self.head:
            return None
        return min(self.anchor, self.head), max(self.anchor, self.head)

    def span(self, item: int, row: int, length: int) -> Span | None:
        """The selected stretch of a row whose text has the given length."""
        bounds = self.bounds
        if bounds is None:
            return None
        first, last = bounds
        if not (first.item, first.row) <= (item, row) <= (last.item, last.row):
            return None
        start = first.offset if (first.item, first.row) == (item, row) else 0
        end = last.offset if (last.item, last.row) == (item, row) else length
        return min(start, length), min(end, length)

    def select_all(self, column: MessageColumn) -> None:
        """Everything, without laying anything out."""
        if column.items:
            self.anchor = Position(0, 0, 0)
            self.head = Position(len(column.items), 0, 0)


def _separator(row: TranscriptRow) -> str:
    if row.place.continues:
        return "\n" if "\n" in row.text else " "
    return "\n" if row.place.tight else "\n\n"


def _shown_text(item: MessageItem, number: int, selection: Selection) -> str:
    parts: list[str] = []
    for index, row in enumerate(item.build()):
        length = units(row.text)
        span = selection.span(number, index, length)
        if span is None or span[0] >= span[1] or item.hidden(row):
            continue
        marker = "  " * max(0, row.place.depth - 1) + row.place.marker + " " if row.place.marker else ""
        text = (marker if span[0] == 0 else "") + cut(row.text, *span)
        parts += [_separator(row), text] if parts else [text]
    return "".join(parts)


def _is_whole(selection: Selection, number: int, item: MessageItem) -> bool:
    bounds = selection.bounds
    if bounds is None:
        return False
    first, last = bounds
    from_start = first.item < number or (first.item == number and first.row == 0 and first.offset == 0)
    return from_start and last.item > number


def copied_message(item: MessageItem, *, reasoning: bool = False) -> str:
    """A whole message as Markdown; the reasoning before it, where that is wanted, as a quote."""
    parts = [quoted(item.reasoning)] if reasoning and item.reasoning else []
    return chat_text("\n\n".join([*parts, without_links(item.content)]))


def code_of_block(item: MessageItem, index: int) -> str:
    """The whole code of the block whose first part is the row."""
    return "".join(row.code for row in _parts(item, index) if isinstance(row, CodeRow))


def table_of_block(item: MessageItem, index: int) -> Table | None:
    """The whole table whose first part is the row."""
    whole = join_parts(row.table for row in _parts(item, index) if isinstance(row, TableRow))
    return whole[0] if whole and isinstance(whole[0], Table) else None


def _parts(item: MessageItem, index: int) -> list[TranscriptRow]:
    first, rest = item.body[index], item.body[index + 1 :]
    return [first, *takewhile(lambda row: row.place.continues and type(row) is type(first), rest)]


def _within_reasoning(selection: Selection, number: int, item: MessageItem) -> bool:
    """Whether all that is selected of a message is of its reasoning, unfolded."""
    bounds = selection.bounds
    if item.folded or bounds is None or bounds[1].item != number:
        return False
    return item.build()[bounds[1].row].place.reasoning


def selected_text(column: MessageColumn, selection: Selection, *, markdown: bool = False) -> str:
    """The text for the clipboard.

    Within one message it is what the reader sees. Messages that are selected as a whole, and all touched ones with
    ``markdown``, are their Markdown source, so that copying a long chat is exact and needs no layout. Reasoning is
    copied where it alone is selected, or seen among what is.
    """
    bounds = selection.bounds
    if bounds is None:
        return ""
    first, last = bounds
    texts = []
    for number in range(first.item, min(last.item + 1, len(column.items))):
        item = column.items[number]
        if last.item == number and last.row == 0 and last.offset == 0:
            continue
        if markdown and _within_reasoning(selection, number, item):
            texts.append(chat_text(item.reasoning).strip("\n"))
        elif markdown or _is_whole(selection, number, item):
            texts.append(chat_text(without_links(item.content)).strip("\n"))
        else:
            texts.append(_shown_text(item, number, selection))
    return "\n\n".join(text for text in texts if text)
