"""From a word on the screen to its place in the text that was written: Markdown's signs are not on the screen."""

from __future__ import annotations

import re

from desktop.ui.shared.transcript.item import MessageItem
from desktop.ui.shared.transcript.units import cut

_WORD = re.compile(r"\w+")


def source_place(item: MessageItem, row: int, offset: int) -> int:
    """Where in ``item.content`` the word begins that stands in a row at a UTF-16 offset; -1 where there is no word.

    It is the word's occurrence of the same number: what Markdown takes away holds few words.
    """
    rows = item.body
    if not 0 <= row < len(rows) or rows[row].place.reasoning:
        return -1
    text = rows[row].text
    at = len(cut(text, 0, offset))
    word = next((found for found in _WORD.finditer(text) if found.start() <= at <= found.end()), None)
    if word is None:
        return -1
    same = re.compile(rf"(?<!\w){re.escape(word.group())}(?!\w)")
    before = "\n".join(known.text for known in rows[:row] if not known.place.reasoning)
    number = sum(1 for _ in same.finditer(before)) + sum(1 for _ in same.finditer(text[: word.start()]))
    for count, found in enumerate(same.finditer(item.content)):
        if count == number:
            return found.start()
    return -1
